/* Preloaded into a test: a disk whose syncs fail while the file named by VESTIBULE_EIO_WHILE exists. Each sync appends
   a byte to the file named by VESTIBULE_EIO_COUNT. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int sync_or_fail(int fd, const char *name) {
    const char *flag = getenv("VESTIBULE_EIO_WHILE"), *count = getenv("VESTIBULE_EIO_COUNT");
    int counter = count ? open(count, O_WRONLY | O_APPEND | O_CREAT, 0600) : -1;
    if (counter >= 0) {
        if (write(counter, "x", 1) != 1) abort();
        close(counter);
    }
    if (flag && access(flag, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    return ((int (*)(int))dlsym(RTLD_NEXT, name))(fd);
}

int fsync(int fd) { return sync_or_fail(fd, "fsync"); }
int fdatasync(int fd) { return sync_or_fail(fd, "fdatasync"); }
