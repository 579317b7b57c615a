/* Preloaded into a test: a disk whose syncs fail while the file named by VESTIBULE_EIO_WHILE exists; where
   VESTIBULE_EIO_ONLY is set, only those of the file with that path. Each sync appends a byte to the file named by
   VESTIBULE_EIO_COUNT. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_meant(int fd) {
    const char *only = getenv("VESTIBULE_EIO_ONLY");
    char link[64], path[4096];
    if (!only) return 1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) abort();
    path[length] = 0;
    return strcmp(path, only) == 0;
}

static int sync_or_fail(int fd, const char *name) {
    const char *flag = getenv("VESTIBULE_EIO_WHILE"), *count = getenv("VESTIBULE_EIO_COUNT");
    int counter = count ? open(count, O_WRONLY | O_APPEND | O_CREAT, 0600) : -1;
    if (counter >= 0) {
        if (write(counter, "x", 1) != 1) abort();
        close(counter);
    }
    if (flag && access(flag, F_OK) == 0 && is_meant(fd)) {
        errno = EIO;
        return -1;
    }
    return ((int (*)(int))dlsym(RTLD_NEXT, name))(fd);
}

int fsync(int fd) { return sync_or_fail(fd, "fsync"); }
int fdatasync(int fd) { return sync_or_fail(fd, "fdatasync"); }
