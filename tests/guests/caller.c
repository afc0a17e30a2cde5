/* Calls a port of this machine by WASIX's sockets, which WASI preview 1 has not; wasm only. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define WASIX(name) __attribute__((import_module("wasix_32v1"), import_name(#name)))
WASIX(sock_open) int sock_open(int family, int kind, int protocol, uint32_t *opened);
WASIX(sock_connect) int sock_connect(int fd, const void *address);

int main(int argc, char *argv[])
{
    uint32_t opened = 0;
    int port = argc > 1 ? atoi(argv[1]) : 0;
    const unsigned char address[32] = { 1, 0, port & 255, port >> 8, 127, 0, 0, 1 }; /* IPv4 */
    int failed = sock_open(1, 1, 6, &opened) || sock_connect(opened, address);
    puts(failed ? "refused" : "connected");
    return 0;
}
