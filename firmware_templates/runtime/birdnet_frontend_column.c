#include "birdnet_frontend_column.h"

#include "birdnet_fft.h"
#include "birdnet_frontend_frame.h"

#ifndef BIRDNET_FFT_FIXED

void birdnet_frontend_column(const birdnet_frontend_config_t *config, const int16_t *pcm,
                             uint32_t frame, double *scratch, float *column, uint32_t stride) {
    const double *const magnitudes = birdnet_frontend_frame(config, pcm, frame, scratch);
    if (config->kind == BIRDNET_FRONTEND_MEL) {
        birdnet_frontend_bands(config, magnitudes, column, stride);
        return;
    }
    for (uint32_t bin = 0; bin < config->bins; ++bin) {
        column[bin * stride] = (float)magnitudes[bin];
    }
}

#endif
