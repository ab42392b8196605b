/* Open descriptors with a text each, from one process to another that trusts it: what was opened in a sandbox is used outside. */
#ifndef MM_BASE_PARCEL_H
#define MM_BASE_PARCEL_H

/* Room for a parcel's text. */
#define MM_PARCEL_TEXT 320

/* Two connected ends: ENDS[0] to receive, ENDS[1] to send; neither is inherited by programs. Returns 0, or -1 with errno. */
int mm_parcel_open(int ends[static 2]);

/* Sends TEXT, shorter than MM_PARCEL_TEXT, and the descriptor FD, which stays the caller's. Returns 0, or -1 with errno. */
int mm_parcel_send(int end, const char *text, int fd);

/* Waits for the next parcel: fills TEXT and FD, which is the caller's then, at MINIMUM or above, and not inherited by programs. Returns 1,
 * 0 after the last one, when the sender is gone, or -1 with errno (EBADMSG: no parcel of this form). */
int mm_parcel_receive(int end, char text[static MM_PARCEL_TEXT], int minimum, int *fd);

#endif
