/**
 * @file
 * One frame of the spectrogram of a window. It is internal to the front ends.
 */
#ifndef BIRDNET_FRONTEND_FRAME_H
#define BIRDNET_FRONTEND_FRAME_H

#include "birdnet_float.h"
#include "birdnet_frontend.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Compute the magnitude spectrum of a frame.
 *
 * @param[in]  config   a front end of spectrograms
 * @param[in]  pcm      `window_samples` samples
 * @param[in]  frame    its index, below `frames`
 * @param[out] scratch  `scratch_elements` values, overwritten
 * @return `bins` magnitudes within `scratch`
 */
double *birdnet_frontend_frame(const birdnet_frontend_config_t *config, const int16_t *pcm,
                               uint32_t frame, double *scratch);

/**
 * Sum the bins of a frame to mel bands.
 *
 * @param[in]  config  a front end with mel tables
 * @param[in]  values  `bins` values
 * @param[out] column  band b is written to `column[b * stride]`
 * @param[in]  stride  floats from one band to the next
 */
void birdnet_frontend_bands(const birdnet_frontend_config_t *config, const double *values,
                            float *column, uint32_t stride);

#ifdef __cplusplus
}
#endif

#endif
