#include "infer/elementary.h"

#include <math.h>

#define LN_2 0.693147180559945309417
#define LN_2_HIGH 0.693147180369123816490 /* its low 21 bits are zeros, so that products with exponents are exact */
#define LN_2_LOW 1.90821492927058770002e-10
#define TWO_PI 6.28318530717958647693
#define HALF_PI 1.57079632679489661923

/* ln m = 2 artanh s with s = (m - 1) / (m + 1), |s| < 0.172: the terms behind s^23 are below 2^-60. */
double mm_natural_logarithm(double x)
{
    int exponent;
    double mantissa = frexp(x, &exponent);
    if (mantissa < 0.70710678118654752440) {
        mantissa *= 2;
        exponent--;
    }
    double s = (mantissa - 1) / (mantissa + 1), square = s * s, sum = 0;
    for (int n = 23; n >= 1; n -= 2)
        sum = sum * square + 1.0 / n;
    return exponent * LN_2_HIGH + (2 * s * sum + exponent * LN_2_LOW);
}

/* e^x = 2^n e^r with |r| <= ln 2 / 2: the terms behind r^15 are below 2^-60. */
double mm_exponential(double x)
{
    double n = floor(x / LN_2 + 0.5), r = (x - n * LN_2_HIGH) - n * LN_2_LOW, sum = 1;
    for (int i = 15; i >= 1; i--)
        sum = 1 + sum * r / i;
    return ldexp(sum, (int)n);
}

/* Whole turns first (fmod is exact, two pi is not), then quarters; |r| <= pi / 4, and the terms behind r^18 are below 2^-60. */
void mm_sine_cosine(double angle, double *sine, double *cosine)
{
    double turned = fmod(angle, TWO_PI);
    if (!(turned > -7 && turned < 7)) {
        *sine = *cosine = NAN;
        return;
    }
    int quarter = (int)floor(turned / HALF_PI + 0.5);
    double r = turned - quarter * HALF_PI, square = r * r, s = 1, c = 1;
    for (int i = 18; i >= 2; i -= 2) {
        s = 1 - s * square / (i * (i + 1));
        c = 1 - c * square / (i * (i - 1));
    }
    s *= r;
    switch (quarter & 3) {
    case 0: *sine = s, *cosine = c; break;
    case 1: *sine = c, *cosine = -s; break;
    case 2: *sine = -s, *cosine = -c; break;
    default: *sine = -c, *cosine = s; break;
    }
}
