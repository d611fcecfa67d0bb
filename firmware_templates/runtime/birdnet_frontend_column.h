/**
 * @file
 * One column of a spectrogram; of no use to the front end's callers.
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
 * Computes a frame's magnitudes, or their mel bands.
 *
 * @param[in]  config   a front end of spectrograms; with a mixer, one whose tables are fixed
 * @param[in]  pcm      `window_samples` samples
 * @param[in]  frame    its index, below `frames`
 * @param[out] scratch  `scratch_elements` values, overwritten
 * @param[out] column   row r is written to `column[r * stride]`
 * @param[in]  stride   floats from a row to the next
 */
void birdnet_frontend_column(const birdnet_frontend_config_t *config, const int16_t *pcm,
                             uint32_t frame, double *scratch, float *column, uint32_t stride);

#ifdef BIRDNET_FFT_FIXED
/**
 * Sums magnitudes up to mel bands, as birdnet_frontend_bands() does in double.
 *
 * @param[in]  config      a front end with mel tables
 * @param[in]  magnitudes  `bins` values
 * @param[out] column      band b is written to `column[b * stride]`
 * @param[in]  stride      floats from a band to the next
 */
void birdnet_frontend_sum_bands(const birdnet_frontend_config_t *config, const float *magnitudes,
                                float *column, uint32_t stride);
#endif

#ifdef __cplusplus
}
#endif

#endif
