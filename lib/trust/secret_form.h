/* Secret keys, and revocations, known by what a file holds, whatever it is called: so that none is described, shared and signed as part of a
 * model. */
#ifndef MM_TRUST_SECRET_FORM_H
#define MM_TRUST_SECRET_FORM_H

#include <stddef.h>

#include "base/diag.h"

/* Bytes from the start of a file that mm_secret_form looks at; a key that begins later is not seen. */
#define MM_SECRET_FORM_HEAD 65536

/* What a line among the first LENGTH bytes of a file shows it to hold ("a secret key of minisign", "a private key in PEM"), or
 * its first line ("a revocation"); or NULL. */
const char *mm_secret_form(const char *bytes, size_t length);

/* Refuses the open file FD where it is one, since it would be shared with the model. Returns 0, or -1 with MAKE_SECRET or what kept it
 * from being read. */
int mm_secret_form_refuse(int fd, struct mm_diags *diags);

#endif
