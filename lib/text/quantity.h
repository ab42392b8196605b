/* Numbers as people write them in limits: 7, 1e9, 1.5G, 32Ki, 4GiB, 7B. Exact: no fraction is rounded, nothing wraps. */
#ifndef MM_TEXT_QUANTITY_H
#define MM_TEXT_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mm_quantity {
    MM_QUANTITY_COUNT,      /* K M G T are powers of 1000, Ki Mi Gi Ti powers of 1024, whatever their case */
    MM_QUANTITY_BYTES,      /* and behind them a B may stand, which is a byte */
    MM_QUANTITY_PARAMETERS, /* and B is a billion, as in names of models */
};

/* Reads TEXT: digits without leading zeros, perhaps a point and more of them, an exponent (e9), a unit. Returns NULL, and VALUE is the number,
 * which is whole and below 2^63; otherwise what was expected. */
const char *mm_quantity(enum mm_quantity of, const char *text, size_t length, uint64_t *value);

#endif
