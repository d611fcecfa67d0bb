/**
 * @file
 * One column of a spectrogram. It is internal to the front end.
 */
#ifndef BIRDNET_FRONTEND_COLUMN_H
#define BIRDNET_FRONTEND_COLUMN_H

#include "birdnet_fft.h"
#include "birdnet_float.h"
#include "birdnet_frontend.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Compute the magnitudes of a frame, or their mel bands.
 *
 * @param[in]  config   a front end of spectrograms; with a mixer, it has the tables of the
 * fixed-point transform
 * @param[in]  pcm      `window_samples` samples
 * @param[in]  frame    its index, below `frames`
 * @param[out] scratch  `scratch_elements` values, overwritten
 * @param[out] column   row r is written to `column[r * stride]`
 * @param[in]  stride   floats from one row to the next
 */
void birdnet_frontend_column(const birdnet_frontend_config_t *config, const int16_t *pcm,
                             uint32_t frame, double *scratch, float *column, uint32_t stride);

#ifdef BIRDNET_FFT_FIXED
/**
 * Sum magnitudes to mel bands, as birdnet_frontend_bands() does in double precision.
 *
 * @param[in]  config      a front end with mel tables
 * @param[in]  magnitudes  `bins` values
 * @param[out] column      band b is written to `column[b * stride]`
 * @param[in]  stride      floats from one band to the next
 */
void birdnet_frontend_sum_bands(const birdnet_frontend_config_t *config, const float *magnitudes,
                                float *column, uint32_t stride);
#endif

#ifdef __cplusplus
}
#endif

#endif
