/**
 * @file
 * FFT of real samples: radix 4, self-sorting (Stockham). The caller provides all memory.
 *
 * It works in double precision. In single precision every bin would have an error of 1e-7 of the
 * peak of the frame. The square root of that error in a nearly silent bin is 3e-4 of the range of
 * the spectrogram. Helium has no double precision. For it there is another transform in 32-bit
 * integers with an error of 1e-9. This is enough for all front ends, except for the sub-ranges of a
 * mixer after a square root or a logarithm.
 */
#ifndef BIRDNET_FFT_H
#define BIRDNET_FFT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Defined if birdnet_fft_magnitudes() exists. */
#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)
#define BIRDNET_FFT_FIXED 1
#endif

/** Shortest and longest transform, in points. Every power of two from one to the other works. */
#define BIRDNET_FFT_MIN_LENGTH 64u
#define BIRDNET_FFT_MAX_LENGTH 4096u

/**
 * Transform real samples in place: X[k] = sum over n of x[n] exp(-2 pi i k n / length), unscaled.
 *
 * @param[in]     length  points of the transform, a power of two within the limits above
 * @param[in]     sine    `length` values sin(2 pi k / length)
 * @param[in,out] data    `length` values. In: the samples. Out: X[0] and X[length / 2], which are
 * real, then the real and the imaginary parts of X[1] to X[length / 2 - 1]
 * @param[out]    work    `length` values, overwritten; must not overlap `data`
 */
void birdnet_fft_real(uint32_t length, const double *sine, double *data, double *work);

#ifdef BIRDNET_FFT_FIXED
/** A float in the place of an integer. */
typedef float __attribute__((may_alias)) birdnet_magnitude_t;

/**
 * Compute the magnitudes of the same spectrum of tapered samples, in integers that are halved when
 * they might become too large.
 *
 * @param[in]  length      points of the transform, a power of two within the limits above
 * @param[in]  taper       `length / 2` values: the rising half of a periodic Hann window * 2^31
 * @param[in]  twiddles    exp(-2 pi i k / length) * 2^31, in the order of their use
 * @param[in]  pcm         `length` samples
 * @param[in]  bins        number of magnitudes: `length / 2`, or one more
 * @param[out] work        `2 * length` values, overwritten; `pcm` may be in the second half
 * @param[out] magnitudes  `bins` values |X[k]| / 32768; if NULL, they stay in `work`
 * @return the address of the magnitudes
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
