/**
 * @file
 * Arithmetic on the values of a spectrogram. It is internal to the front end.
 */
#ifndef BIRDNET_FRONTEND_VALUES_H
#define BIRDNET_FRONTEND_VALUES_H

#include <float.h>
#include <stdint.h>

#include "birdnet_float.h"
#include "birdnet_frontend.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The smallest and the largest of some values. */
typedef struct {
    float low;
    float high;
} birdnet_range_t;

/** The range of an empty set of values. */
#define BIRDNET_NO_RANGE ((birdnet_range_t){.low = FLT_MAX, .high = -FLT_MAX})

/** The integer for a share of 1 of the peak of a frame, see birdnet_values_keep(). */
#define BIRDNET_KEPT_MAX 65535.0f

/** The conversion of kept values to int8: round(share * step + offset) + zero_point, between the
 * limits. */
typedef struct {
    float offset;
    int32_t zero_point;
    int32_t minimum; /**< limits of an int8 minus the zero point */
    int32_t maximum;
} birdnet_grid_t;

/** The scaling of bins to [0, 1]: (bin - low) / width. */
typedef struct {
    float low;
    float width;
} birdnet_scaling_t;

/** Square roots, in place. */
void birdnet_values_sqrt(float *values, uint32_t count);

/** Natural logarithms, in place. Values below `floor` count as `floor`, which is at least FLT_MIN.
 */
void birdnet_values_log(float *values, uint32_t count, float floor);

/** Widen a range so that it includes some values. */
void birdnet_values_widen(birdnet_range_t *range, const float *values, uint32_t count);

/** (value - low) / width, in place. */
void birdnet_values_scale(float *values, uint32_t count, float low, float width);

/**
 * Store values as shares of a peak in 16 bits, with an error of at most half a bit.
 *
 * @param[in]  values  `count` values that are not negative
 * @param[in]  count   how many
 * @param[in]  factor  BIRDNET_KEPT_MAX / the largest value
 * @param[out] kept    value i is written to `kept[i * stride]`
 * @param[in]  stride  elements from one value to the next
 */
void birdnet_values_keep(const float *values, uint32_t count, float factor, uint16_t *kept,
                         uint32_t stride);

/**
 * Round the kept values of one frame to int8.
 *
 * @param[in]  grid      how
 * @param[in]  kept      `count` values
 * @param[in]  count     how many
 * @param[in]  step      the value of a share of 1, in steps of int8
 * @param[out] rounded   `count` values; may begin at or before `kept`
 * @return whether rounding the exact values would give the same
 */
_Bool birdnet_values_round(const birdnet_grid_t *grid, const uint16_t *kept, uint32_t count,
                           float step, int8_t *rounded);

/**
 * Round kept values to int8, one value of each frame.
 *
 * @param[in]     grid      how
 * @param[in]     kept      `count` values
 * @param[in]     count     how many
 * @param[in,out] steps     for each frame, as above. It becomes NaN, and stays NaN, if rounding the
 * exact value might give another result
 * @param[out]    rounded   `count` values; may begin at or before `kept`
 */
void birdnet_values_round_each(const birdnet_grid_t *grid, const uint16_t *kept, uint32_t count,
                               float *steps, int8_t *rounded);

/**
 * Compute the values of the bands of a frame from their energies: scaled as if the bins had been
 * scaled before the sum, limited to 0, then scaled piecewise by the mixer.
 *
 * @param[in]     mixer    the layers
 * @param[in]     scaling  of the bins
 * @param[in,out] values   one value for each band
 * @param[in]     bands    how many
 */
void birdnet_values_mix(const birdnet_frontend_mixer_t *mixer, const birdnet_scaling_t *scaling,
                        float *values, uint32_t bands);

/** The part of each value between the ends of a sub-range, scaled to [0, 1]; `shifted` may be
 * `values`.
 */
void birdnet_values_subrange(const float *values, uint32_t count, float begin, float end,
                             float *shifted);

/** The largest magnitude of some samples, 32768 at most. */
uint32_t birdnet_pcm_peak(const int16_t *pcm, uint32_t count);

/** Samples / 32768. */
void birdnet_pcm_scale(const int16_t *pcm, uint32_t count, float *values);

#ifdef __cplusplus
}
#endif

#endif
