/* Elementary functions of additions, multiplications, divisions and exact operations alone (floor, fmod, frexp, ldexp), whose bits are the same on every machine;
 * those of libm differ between libraries, processors and versions. */
#ifndef MM_INFER_ELEMENTARY_H
#define MM_INFER_ELEMENTARY_H

/* The natural logarithm of X, which is finite and above 0; relative error below 10^-15. */
double mm_natural_logarithm(double x);

/* e to the X, for -700 <= X <= 700; relative error below 10^-15 × (1 + |X|). */
double mm_exponential(double x);

/* Sine and cosine of ANGLE; absolute error below 10^-15 × (1 + |ANGLE|). Of infinities and NaN: NaN. */
void mm_sine_cosine(double angle, double *sine, double *cosine);

#endif
