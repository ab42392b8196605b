#include "key.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct mm_peer_identity *key_make(unsigned number)
{
    unsigned char seed[crypto_sign_SEEDBYTES] = {0}, secret[crypto_sign_SECRETKEYBYTES], key[MM_PEER_KEY_BYTES];
    struct mm_diags diags;
    mm_diags_init(&diags);
    memcpy(seed, &number, sizeof number);
    crypto_sign_seed_keypair(key, secret, seed);
    struct mm_peer_identity *identity = mm_peer_identity_from_seed(seed, key, &diags);
    mm_diags_release(&diags);
    if (!identity)
        abort();
    return identity;
}
