#include "birdnet_frontend.h"

#include <float.h>
#include <math.h>

#include "birdnet_fft.h"

#define PCM_SCALE (1.0f / 32768.0f)

/* The frame's samples times the taper; what lies outside of the window is zero. */
static void taper_frame(const birdnet_frontend_config_t *config, const int16_t *pcm, uint32_t frame,
                        float *tapered) {
    const uint32_t half = config->fft_length / 2u;
    const uint32_t centre = frame * config->hop_samples;
    const uint32_t behind = config->window_samples - centre;
    const uint32_t first = centre < half ? half - centre : 0u;
    const uint32_t end = behind < half ? half + behind : config->fft_length;
    uint32_t n = 0;
    for (; n < first; ++n) {
        tapered[n] = 0.0f;
    }
    for (; n < end; ++n) {
        tapered[n] = (float)pcm[centre + n - half] * config->taper[n];
    }
    for (; n < config->fft_length; ++n) {
        tapered[n] = 0.0f;
    }
}

/* Magnitudes of the bins that are kept, from a spectrum as birdnet_fft_real leaves it. */
static void bin_magnitudes(const birdnet_frontend_config_t *config, const float *spectrum,
                           float *magnitudes) {
    const uint32_t nyquist = config->fft_length / 2u;
    magnitudes[0] = fabsf(spectrum[0]);
    for (uint32_t bin = 1; bin < nyquist; ++bin) {
        const float re = spectrum[2u * bin];
        const float im = spectrum[2u * bin + 1u];
        magnitudes[bin] = sqrtf(re * re + im * im);
    }
    if (config->bins > nyquist) {
        magnitudes[nyquist] = fabsf(spectrum[1]);
    }
}

static void store_bins(const birdnet_frontend_config_t *config, const float *magnitudes,
                       float *column) {
    for (uint32_t bin = 0; bin < config->bins; ++bin) {
        column[bin * config->row_stride] = magnitudes[bin];
    }
}

static void store_mel_bands(const birdnet_frontend_config_t *config, const float *magnitudes,
                            float *column) {
    const float *weight = config->mel_weights;
    for (uint32_t band = 0; band < config->rows; ++band) {
        const float *magnitude = magnitudes + config->mel_first_bins[band];
        const uint32_t count = config->mel_bin_counts[band];
        float energy = 0.0f;
        for (uint32_t bin = 0; bin < count; ++bin) {
            energy += weight[bin] * magnitude[bin];
        }
        weight += count;
        column[band * config->row_stride] = energy;
    }
}

static void scale_pcm(const birdnet_frontend_config_t *config, const int16_t *pcm,
                      float *waveform) {
    for (uint32_t i = 0; i < config->window_samples; ++i) {
        waveform[i] = (float)pcm[i] * PCM_SCALE;
    }
}

birdnet_status_t birdnet_frontend_magnitude(const birdnet_frontend_config_t *config,
                                            const int16_t *pcm, float *scratch,
                                            float *spectrogram) {
    if (config == NULL || pcm == NULL || spectrogram == NULL ||
        (scratch == NULL && config->scratch_elements > 0u)) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    if (config->kind == BIRDNET_FRONTEND_RAW) {
        scale_pcm(config, pcm, spectrogram);
        return BIRDNET_OK;
    }
    float *const transformed = scratch;
    float *const magnitudes = scratch + config->fft_length; /* before that the FFT's work space */
    for (uint32_t frame = 0; frame < config->frames; ++frame) {
        float *const column = spectrogram + frame * config->frame_stride;
        taper_frame(config, pcm, frame, transformed);
        birdnet_fft_real(config->fft_length, config->sine, transformed, magnitudes);
        bin_magnitudes(config, transformed, magnitudes);
        if (config->kind == BIRDNET_FRONTEND_MEL) {
            store_mel_bands(config, magnitudes, column);
        } else {
            store_bins(config, magnitudes, column);
        }
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
    for (uint32_t i = 0; i < config->feature_elements; ++i) {
        values[i] = logf(values[i] > floor ? values[i] : floor);
    }
}

birdnet_status_t birdnet_frontend_compress(const birdnet_frontend_config_t *config,
                                           float *spectrogram) {
    if (config == NULL || spectrogram == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    if (config->kind == BIRDNET_FRONTEND_RAW) {
        return BIRDNET_OK;
    }
    switch (config->compression) {
    case BIRDNET_COMPRESSION_NONE:
        break;
    case BIRDNET_COMPRESSION_SQRT:
        for (uint32_t i = 0; i < config->feature_elements; ++i) {
            spectrogram[i] = sqrtf(spectrogram[i]);
        }
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
    for (uint32_t i = 0; i < config->feature_elements; ++i) {
        waveform[i] /= divisor;
    }
}

static void normalize_min_max(const birdnet_frontend_config_t *config, float *values) {
    float low = values[0];
    float high = values[0];
    for (uint32_t i = 1; i < config->feature_elements; ++i) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    const float range = high - low + config->min_max_epsilon;
    for (uint32_t i = 0; i < config->feature_elements; ++i) {
        values[i] = (values[i] - low) / range;
    }
}

birdnet_status_t birdnet_frontend_normalize(const birdnet_frontend_config_t *config,
                                            float *spectrogram) {
    if (config == NULL || spectrogram == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    if (config->kind == BIRDNET_FRONTEND_RAW) {
        normalize_peak(config, spectrogram);
    } else {
        normalize_min_max(config, spectrogram);
    }
    return BIRDNET_OK;
}

birdnet_status_t birdnet_frontend_run(const birdnet_frontend_config_t *config, const int16_t *pcm,
                                      float *scratch, size_t scratch_elements, float *features) {
    if (config != NULL && scratch_elements < config->scratch_elements) {
        return BIRDNET_ERROR_MEMORY;
    }
    birdnet_status_t status = birdnet_frontend_magnitude(config, pcm, scratch, features);
    if (status == BIRDNET_OK) {
        status = birdnet_frontend_compress(config, features);
    }
    if (status == BIRDNET_OK) {
        status = birdnet_frontend_normalize(config, features);
    }
    return status;
}
