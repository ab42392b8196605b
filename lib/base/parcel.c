#include "base/parcel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC 0 /* the descriptor is replaced by one of F_DUPFD_CLOEXEC in any case */
#endif
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

union control {
    struct cmsghdr header; /* for its alignment */
    char bytes[CMSG_SPACE(sizeof(int))];
};

int mm_parcel_open(int ends[static 2])
{
    int result = socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends);
    for (int i = 0; result == 0 && i < 2; i++)
        fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    return result;
}

int mm_parcel_send(int end, const char *text, int fd)
{
    union control control = {.bytes = {0}};
    struct iovec part = {(void *)(uintptr_t)text, strlen(text)};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    ssize_t sent;
    do
        sent = sendmsg(end, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -1 : 0;
}

/* The descriptor that came with MESSAGE, -1 for none. */
static int descriptor_of(struct msghdr *message)
{
    int fd = -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof fd))
        memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

int mm_parcel_receive(int end, char text[static MM_PARCEL_TEXT], int minimum, int *fd)
{
    union control control = {.bytes = {0}};
    struct iovec part = {text, MM_PARCEL_TEXT - 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t got;
    do
        got = recvmsg(end, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return got < 0 ? -1 : 0;
    text[got] = '\0';
    int came = descriptor_of(&message);
    if (came < 0 || message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        if (came >= 0)
            close(came);
        errno = message.msg_flags & MSG_CTRUNC ? EMFILE : EBADMSG; /* no room in the table of descriptors cuts it off */
        return -1;
    }
    *fd = fcntl(came, F_DUPFD_CLOEXEC, minimum);
    int error = errno;
    close(came);
    errno = error;
    return *fd < 0 ? -1 : 1;
}
