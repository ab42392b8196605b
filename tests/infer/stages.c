/* Prints the hash of what the portable stages make of numbers that follow from a seed: the same on every processor. */
#include <inttypes.h>
#include <stdio.h>

#include "stages_seen.h"

int main(void)
{
    return printf("%016" PRIx64 "\n", stages_hash(&mm_stages_portable)) < 0;
}
