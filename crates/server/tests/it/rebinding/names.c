/* A name server that lies, and a network in which a public address leads to a machine of the test's: laid over the C
 * library of the server under test.
 *
 * Owns two functions. The n-th question for "localhost" is answered with the n-th line of the file that REBINDING_ANSWERS
 * names (the last line stays), and counted in REBINDING_ASKED. A connection to PUBLIC goes to the loopback port that
 * REBINDING_PORT names. Everything else is as it was.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PUBLIC "2001:4860:4860::ffff"

typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);
typedef int dial(int, const struct sockaddr *, socklen_t);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    lookup *real = (lookup *)dlsym(RTLD_NEXT, "getaddrinfo");
    static __thread char answer[128];
    const char *answers = getenv("REBINDING_ANSWERS"), *asked = getenv("REBINDING_ASKED");
    if (node && answers && asked && strcmp(node, "localhost") == 0) {
        FILE *count = fopen(asked, "a");
        if (!count) return EAI_FAIL;
        fputc('.', count);
        long turn = ftell(count);
        fclose(count);
        FILE *lines = fopen(answers, "r");
        if (!lines) return EAI_FAIL;
        for (long line = 0; line < turn; line++)
            if (!fgets(answer, sizeof answer, lines)) break;
        fclose(lines);
        answer[strcspn(answer, "\n")] = 0;
        node = answer;
    }
    return real(node, service, hints, found);
}

int connect(int socket, const struct sockaddr *address, socklen_t length) {
    dial *real = (dial *)dlsym(RTLD_NEXT, "connect");
    const char *port = getenv("REBINDING_PORT");
    struct in6_addr public;
    inet_pton(AF_INET6, PUBLIC, &public);
    if (port && address->sa_family == AF_INET6) {
        struct sockaddr_in6 there = *(const struct sockaddr_in6 *)address;
        if (memcmp(&there.sin6_addr, &public, sizeof public) == 0) {
            inet_pton(AF_INET6, "::ffff:127.0.0.1", &there.sin6_addr);
            there.sin6_port = htons((unsigned short)atoi(port));
            return real(socket, (const struct sockaddr *)&there, sizeof there);
        }
    }
    return real(socket, address, length);
}
