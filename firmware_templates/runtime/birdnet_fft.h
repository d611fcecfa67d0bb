/**
 * @file
 * FFT of real samples: radix 4, self-sorting (Stockham); the caller brings all memory.
 *
 * It works in double precision. Single precision leaves 1e-7 of a frame's peak in every bin, and
 * the square root of that, where a bin is nearly silent, is 3e-4 of the spectrogram's range.
 * Helium has no doubles: there is another transform for it, in integers of 32 bits, which leaves
 * 1e-9, enough for all but a mixer's sub-ranges after a square root or a logarithm.
 */
#ifndef BIRDNET_FFT_H
#define BIRDNET_FFT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Defined where birdnet_fft_magnitudes() is there. */
#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)
#define BIRDNET_FFT_FIXED 1
#endif

/** Shortest and longest transform, in points; every power of two from one to the other works. */
#define BIRDNET_FFT_MIN_LENGTH 64u
#define BIRDNET_FFT_MAX_LENGTH 4096u

/**
 * Transforms real samples in place: X[k] = sum over n of x[n] exp(-2 pi i k n / length), unscaled.
 *
 * @param[in]     length  points of the transform, a power of two within the limits above
 * @param[in]     sine    `length` values sin(2 pi k / length)
 * @param[in,out] data    `length` values; in: the samples; out: X[0] and X[length / 2], which are
 *                        real, then real and imaginary part of X[1] to X[length / 2 - 1]
 * @param[out]    work    `length` values, overwritten; must not overlap `data`
 */
void birdnet_fft_real(uint32_t length, const double *sine, double *data, double *work);

#ifdef BIRDNET_FFT_FIXED
/** A float where an integer was before. */
typedef float __attribute__((may_alias)) birdnet_magnitude_t;

/**
 * Magnitudes of the same spectrum of tapered samples, in integers that are halved when they may
 * become too large.
 *
 * @param[in]  length      points of the transform, a power of two within the limits above
 * @param[in]  taper       `length / 2` values: the rising half of a periodic Hann window * 2^31
 * @param[in]  twiddles    exp(-2 pi i k / length) * 2^31, in the order of their use
 * @param[in]  pcm         `length` samples
 * @param[in]  bins        magnitudes wanted: `length / 2`, or one more
 * @param[out] work        `2 * length` values, overwritten; `pcm` may be in the second half
 * @param[out] magnitudes  `bins` values |X[k]| / 32768; NULL: they are left in `work`
 * @return where the magnitudes are
 */
const birdnet_magnitude_t *birdnet_fft_magnitudes(uint32_t length, const int32_t *taper,
                                                  const int32_t *twiddles, const int16_t *pcm,
                                                  uint32_t bins, int32_t *work,
                                                  birdnet_magnitude_t *magnitudes);
#endif

#ifdef __cplusplus
}
#endif

#endif
