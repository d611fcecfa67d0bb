#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "birdnet_frontend_column.h"
#include "birdnet_frontend_values.h"

birdnet_status_t birdnet_frontend_magnitude(const birdnet_frontend_config_t *config,
                                            const int16_t *pcm, double *scratch,
                                            float *spectrogram) {
    if (config == NULL || config->mixer != NULL || pcm == NULL || spectrogram == NULL ||
        (scratch == NULL && config->scratch_elements > 0u)) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    if (config->kind == BIRDNET_FRONTEND_RAW) {
        birdnet_pcm_scale(pcm, config->window_samples, spectrogram);
        return BIRDNET_OK;
    }
    for (uint32_t frame = 0; frame < config->frames; ++frame) {
        float *const column = spectrogram + frame * config->frame_stride;
        birdnet_frontend_column(config, pcm, frame, scratch, column, config->row_stride);
    }
    return BIRDNET_OK;
}

static void compress_log(const birdnet_frontend_config_t *config, float *values) {
    float peak = 0.0f;
    for (uint32_t i = 0; i < config->feature_elements; ++i) {
        peak = values[i] > peak ? values[i] : peak;
    }
    const float relative_floor = peak * config->log_floor_ratio;
    const float floor =
        relative_floor > FLT_MIN ? relative_floor : FLT_MIN; /* silence stays finite */
    birdnet_values_log(values, config->feature_elements, floor);
}

birdnet_status_t birdnet_frontend_compress(const birdnet_frontend_config_t *config,
                                           float *spectrogram) {
    if (config == NULL || config->mixer != NULL || spectrogram == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    if (config->kind == BIRDNET_FRONTEND_RAW) {
        return BIRDNET_OK;
    }
    switch (config->compression) {
    case BIRDNET_COMPRESSION_NONE:
        break;
    case BIRDNET_COMPRESSION_SQRT:
        birdnet_values_sqrt(spectrogram, config->feature_elements);
        break;
    case BIRDNET_COMPRESSION_LOG:
        compress_log(config, spectrogram);
        break;
    }
    return BIRDNET_OK;
}

static void normalize_peak(const birdnet_frontend_config_t *config, float *waveform) {
    float peak = 0.0f;
    for (uint32_t i = 0; i < config->feature_elements; ++i) {
        const float magnitude = fabsf(waveform[i]);
        peak = magnitude > peak ? magnitude : peak;
    }
    const float divisor = peak + config->peak_epsilon;
    birdnet_values_scale(waveform, config->feature_elements, 0.0f, divisor);
}

birdnet_status_t birdnet_frontend_normalize(const birdnet_frontend_config_t *config,
                                            float *spectrogram) {
    if (config == NULL || config->mixer != NULL || spectrogram == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    if (config->kind == BIRDNET_FRONTEND_RAW) {
        normalize_peak(config, spectrogram);
    } else {
        birdnet_range_t range = BIRDNET_NO_RANGE;
        birdnet_values_widen(&range, spectrogram, config->feature_elements);
        birdnet_values_scale(spectrogram, config->feature_elements, range.low,
                             range.high - range.low + config->min_max_epsilon);
    }
    return BIRDNET_OK;
}

birdnet_status_t birdnet_frontend_step(const birdnet_frontend_config_t *config, uint32_t step,
                                       const int16_t *pcm, double *scratch, float *features) {
    if (config == NULL || step >= config->steps) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const bool mixer = config->mixer != NULL;
    if (step == 0u) {
        return mixer ? birdnet_frontend_mix(config, pcm, scratch, features)
                     : birdnet_frontend_magnitude(config, pcm, scratch, features);
    }
    if (step + 1u < config->steps) {
        return birdnet_frontend_compress(config, features);
    }
    return mixer ? birdnet_frontend_shift(config, features)
                 : birdnet_frontend_normalize(config, features);
}

birdnet_status_t birdnet_frontend_run(const birdnet_frontend_config_t *config, const int16_t *pcm,
                                      double *scratch, size_t scratch_elements, float *features) {
    if (config == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    if (scratch_elements < config->scratch_elements) {
        return BIRDNET_ERROR_MEMORY;
    }
    birdnet_status_t status = BIRDNET_OK;
    for (uint32_t step = 0; status == BIRDNET_OK && step < config->steps; ++step) {
        status = birdnet_frontend_step(config, step, pcm, scratch, features);
    }
    return status;
}
