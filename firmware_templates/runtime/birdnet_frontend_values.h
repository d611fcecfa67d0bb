/**
 * @file
 * Arithmetic on the values of a spectrogram; of no use to the front end's callers.
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

/** Of no values. */
#define BIRDNET_NO_RANGE ((birdnet_range_t){.low = FLT_MAX, .high = -FLT_MAX})

/** The largest share of a frame's peak that is kept: birdnet_values_keep(). */
#define BIRDNET_KEPT_MAX 65535.0f

/** How kept values become int8: round(share * step + offset) + zero_point, between the limits. */
typedef struct {
    float offset;
    int32_t zero_point;
    int32_t minimum; /**< of an int8 less the zero point */
    int32_t maximum;
} birdnet_grid_t;

/** How bins are scaled to [0, 1]: (bin - low) / width. */
typedef struct {
    float low;
    float width;
} birdnet_scaling_t;

/** Square roots, in place. */
void birdnet_values_sqrt(float *values, uint32_t count);

/** Natural logarithms, of `floor` below it; floor is at least FLT_MIN. In place. */
void birdnet_values_log(float *values, uint32_t count, float floor);

/** Widens a range to some values. */
void birdnet_values_widen(birdnet_range_t *range, const float *values, uint32_t count);

/** (value - low) / width, in place. */
void birdnet_values_scale(float *values, uint32_t count, float low, float width);

/**
 * Keeps values as shares of a peak, in 16 bits, half a bit off at most.
 *
 * @param[in]  values  `count` values, none negative
 * @param[in]  count   how many
 * @param[in]  factor  BIRDNET_KEPT_MAX / the largest value
 * @param[out] kept    value i is written to `kept[i * stride]`
 * @param[in]  stride  from one to the next
 */
void birdnet_values_keep(const float *values, uint32_t count, float factor, uint16_t *kept,
                         uint32_t stride);

/**
 * Rounds the kept values of one frame to int8.
 *
 * @param[in]  grid      how
 * @param[in]  kept      `count` values
 * @param[in]  count     how many
 * @param[in]  step      what a share of 1 is, in steps of int8
 * @param[out] rounded   `count` values; may begin at or before `kept`
 * @return whether rounding the values themselves gives the same
 */
_Bool birdnet_values_round(const birdnet_grid_t *grid, const uint16_t *kept, uint32_t count,
                           float step, int8_t *rounded);

/**
 * Rounds kept values to int8, one of each frame.
 *
 * @param[in]     grid      how
 * @param[in]     kept      `count` values
 * @param[in]     count     how many
 * @param[in,out] steps     of each frame, as above; becomes not-a-number where rounding the value
 *                          itself might give something else, and stays that
 * @param[out]    rounded   `count` values; may begin at or before `kept`
 */
void birdnet_values_round_each(const birdnet_grid_t *grid, const uint16_t *kept, uint32_t count,
                               float *steps, int8_t *rounded);

/**
 * From the energies of a frame's bands to their values: scaled as the bins would have been before
 * they were summed up, not below 0, then piecewise as the mixer says.
 *
 * @param[in]     mixer    the layers
 * @param[in]     scaling  of the bins
 * @param[in,out] values   one for each band
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
