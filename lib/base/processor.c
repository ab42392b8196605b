#include "base/processor.h"

#ifdef __x86_64__
#include <cpuid.h>
#include <stdatomic.h>
#include <stdbool.h>

/* The states that the system saves for a thread, as bits of XCR0. */
enum { XCR0_AVX = 0x06, XCR0_AVX512 = 0xe6 };

static unsigned saved_states(void)
{
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static unsigned look(void)
{
    unsigned a, b, c, d, features = MM_CPU_KNOWN;
    if (!__get_cpuid(1, &a, &b, &c, &d))
        return features;
    unsigned saved = c & bit_OSXSAVE ? saved_states() : 0;
    bool ssse3 = c & bit_SSSE3 && c & bit_SSE4_1, fused = c & bit_FMA && c & bit_F16C;
    if (c & bit_AVX && (saved & XCR0_AVX) == XCR0_AVX)
        features |= MM_CPU_AVX;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return features;
    if (features & MM_CPU_AVX && b & bit_AVX2)
        features |= MM_CPU_AVX2;
    if (features & MM_CPU_AVX2 && b & bit_AVX512F && b & bit_AVX512BW && (saved & XCR0_AVX512) == XCR0_AVX512)
        features |= MM_CPU_AVX512;
    if (features & MM_CPU_AVX2 && fused)
        features |= MM_CPU_FLOATS;
    if (features & MM_CPU_AVX512 && fused && b & bit_AVX512DQ && b & bit_AVX512VL)
        features |= MM_CPU_FLOATS16;
    if (features & MM_CPU_FLOATS16 && c & bit_AVX512VNNI)
        features |= MM_CPU_DOT;
    if (ssse3 && b & bit_SHA)
        features |= MM_CPU_SHA;
    return features;
}

/* The question is asked once: inside a virtual machine it costs what a file of some kilobytes costs. The only thing that
 * lib remembers by itself; whoever finds out first, the answer is the same. */
unsigned mm_cpu_features(void)
{
    static _Atomic unsigned known;
    unsigned features = atomic_load_explicit(&known, memory_order_relaxed);
    if (!features) {
        features = look();
        atomic_store_explicit(&known, features, memory_order_relaxed);
    }
    return features;
}

#elif defined __aarch64__ && defined __linux__
#include <asm/hwcap.h>
#include <sys/auxv.h>

unsigned mm_cpu_features(void)
{
    unsigned long have = getauxval(AT_HWCAP);
    return MM_CPU_KNOWN | (have & HWCAP_ASIMD ? MM_CPU_NEON : 0) | (have & HWCAP_SHA2 ? MM_CPU_SHA : 0) |
           (have & HWCAP_ASIMDDP ? MM_CPU_DOT : 0);
}

#else

unsigned mm_cpu_features(void)
{
    return MM_CPU_KNOWN;
}

#endif
