/* A bad line between two network namespaces, for whatever goes over IP: TCP and QUIC alike. Usage: cable NAMESPACE NAMESPACE [WORD]... , the
 * files of two network namespaces and words of line.h, of which more may follow on standard input, one a line. Each namespace gets a device
 * `cable`, of 1500 bytes, without an address; "ready" is printed when both are there. Ends with its standard input. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "line.h"

#define PACKET 65536
#define PACKETS_AT_ONCE 64 /* of one end, before the other one's turn */

static void die(const char *what)
{
    perror(what);
    exit(3);
}

/* A device in the NAMESPACE, which this process is in afterwards. */
static int open_end(const char *namespace)
{
    struct ifreq device = {.ifr_name = "cable", .ifr_flags = IFF_TUN | IFF_NO_PI};
    int space = open(namespace, O_RDONLY | O_CLOEXEC);
    if (space < 0 || setns(space, CLONE_NEWNET) < 0)
        die(namespace);
    close(space);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &device) < 0)
        die("/dev/net/tun");
    return fd;
}

static void take(struct line *line, const int ends[static 2], int from)
{
    static unsigned char bytes[PACKET];
    for (int i = 0; i < PACKETS_AT_ONCE; i++) {
        ssize_t got = read(ends[from], bytes, sizeof bytes);
        if (got <= 0)
            return;
        line_put(line, from, &(struct line_packet){.fd = ends[!from], .bytes = bytes, .length = (size_t)got}, 0);
    }
}

int main(int count, char **words)
{
    if (count < 3) {
        fputs("usage: cable NAMESPACE NAMESPACE [NAME=NUMBER]...\n", stderr);
        return 2;
    }
    struct line *line = line_new();
    for (int i = 3; i < count; i++)
        if (!line_read_word(line_kind(line), words[i])) {
            fprintf(stderr, "cable: expected NAME=NUMBER, found '%s'\n", words[i]);
            return 2;
        }
    int first = open_end(words[1]), ends[2] = {first, open_end(words[2])};
    puts("ready");
    fflush(stdout);
    struct pollfd fds[3] = {{ends[0], POLLIN, 0}, {ends[1], POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    while (!fds[2].revents || line_read_words(line_kind(line), STDIN_FILENO)) {
        struct line_packet packet;
        uint64_t left;
        for (int i = 0; i < 2; i++)
            if (fds[i].revents)
                take(line, ends, i);
        while (line_take(line, &packet, &left))
            if (write(packet.fd, packet.bytes, packet.length) < 0 && errno != EAGAIN && errno != EIO)
                die("cable"); /* EIO: the device is down */
        struct timespec time = {.tv_sec = (time_t)(left / 1000000000u), .tv_nsec = (long)(left % 1000000000u)};
        if (ppoll(fds, 3, left == LINE_NEVER ? NULL : &time, NULL) < 0)
            break;
    }
    line_free(line);
    return 0;
}
