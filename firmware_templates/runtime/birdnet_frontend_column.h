/**
 * @file
 * One column of a spectrogram; of no use to the front end's callers.
 */
#ifndef BIRDNET_FRONTEND_COLUMN_H
#define BIRDNET_FRONTEND_COLUMN_H

#include "birdnet_frontend.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Computes a frame's magnitudes, or their mel bands.
 *
 * @param[in]  config   a front end of spectrograms without a mixer
 * @param[in]  pcm      `window_samples` samples
 * @param[in]  frame    its index, below `frames`
 * @param[out] scratch  `scratch_elements` values, overwritten
 * @param[out] column   row r is written to `column[r * stride]`
 * @param[in]  stride   floats from a row to the next
 */
void birdnet_frontend_column(const birdnet_frontend_config_t *config, const int16_t *pcm,
                             uint32_t frame, double *scratch, float *column, uint32_t stride);

#ifdef __cplusplus
}
#endif

#endif
