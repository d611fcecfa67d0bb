#include <float.h>
#include <math.h>

#include "birdnet_frontend_frame.h"

typedef struct {
    double low;
    double high;
} range_t;

static const range_t nothing = {.low = DBL_MAX, .high = 0.0};

static void widen(range_t *range, const double *values, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
        range->low = values[i] < range->low ? values[i] : range->low;
        range->high = values[i] > range->high ? values[i] : range->high;
    }
}

/* What of a frame is compressed and scaled to [0, 1]: its bins, or its bands where these are what
 * the model was trained on. */
static uint32_t value_count(const birdnet_frontend_config_t *config) {
    return config->kind == BIRDNET_FRONTEND_MEL ? config->rows : config->bins;
}

static double *frame_values(const birdnet_frontend_config_t *config, const int16_t *pcm,
                            uint32_t frame, double *scratch, float *features) {
    double *const values = birdnet_frontend_frame(config, pcm, frame, scratch);
    if (config->kind == BIRDNET_FRONTEND_MEL) {
        const float *const column = features + frame * config->frame_stride;
        birdnet_frontend_bands(config, values, features + frame * config->frame_stride);
        for (uint32_t band = 0; band < config->rows; ++band) {
            values[band] = (double)column[band * config->row_stride];
        }
    }
    return values;
}

/* What a logarithm needs to know of the whole window: its floor, and the smallest result. */
typedef struct {
    double floor;
    double lowest;
} log_scale_t;

static log_scale_t log_scale(const birdnet_frontend_config_t *config, const int16_t *pcm,
                             double *scratch, float *features) {
    range_t range = nothing;
    for (uint32_t frame = 0; frame < config->frames; ++frame) {
        widen(&range, frame_values(config, pcm, frame, scratch, features), value_count(config));
    }
    const double floor = fmax(range.high * (double)config->log_floor_ratio, (double)FLT_MIN);
    return (log_scale_t){.floor = floor, .lowest = log(fmax(range.low, floor))};
}

static void compress(birdnet_compression_t compression, const log_scale_t *scale, double *values,
                     uint32_t count) {
    switch (compression) {
    case BIRDNET_COMPRESSION_NONE:
        break;
    case BIRDNET_COMPRESSION_SQRT:
        for (uint32_t i = 0; i < count; ++i) {
            values[i] = sqrt(values[i]);
        }
        break;
    case BIRDNET_COMPRESSION_LOG:
        for (uint32_t i = 0; i < count; ++i) {
            values[i] = log(fmax(values[i], scale->floor)) - scale->lowest;
        }
        break;
    }
}

/* The bands of the compressed magnitudes, or the compressed bands, into each band's first channel.
 */
static range_t mix_frames(const birdnet_frontend_config_t *config, const int16_t *pcm,
                          double *scratch, float *features) {
    log_scale_t scale = {0};
    if (config->compression == BIRDNET_COMPRESSION_LOG) {
        scale = log_scale(config, pcm, scratch, features);
    }
    range_t range = nothing;
    for (uint32_t frame = 0; frame < config->frames; ++frame) {
        double *const values = frame_values(config, pcm, frame, scratch, features);
        float *const column = features + frame * config->frame_stride;
        compress(config->compression, &scale, values, value_count(config));
        widen(&range, values, value_count(config));
        if (config->kind == BIRDNET_FRONTEND_MEL) {
            for (uint32_t band = 0; band < config->rows; ++band) {
                column[band * config->row_stride] = (float)values[band];
            }
        } else {
            birdnet_frontend_bands(config, values, column);
        }
    }
    return range;
}

static float scale_band(const birdnet_frontend_mixer_t *mixer, uint32_t bands, uint32_t band,
                        float energy) {
    float scaled = mixer->slopes[band] * energy;
    for (uint32_t i = band; i < mixer->hinges * bands; i += bands) {
        const float hinge = mixer->hinge_slopes[i] * energy + mixer->hinge_offsets[i];
        scaled += hinge > 0.0f ? mixer->hinge_factors[i] * hinge : 0.0f;
    }
    return scaled;
}

birdnet_status_t birdnet_frontend_mix(const birdnet_frontend_config_t *config, const int16_t *pcm,
                                      double *scratch, float *features) {
    if (config == NULL || config->mixer == NULL || pcm == NULL || scratch == NULL ||
        features == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const birdnet_frontend_mixer_t *const mixer = config->mixer;
    const range_t range = mix_frames(config, pcm, scratch, features);
    const double width = range.high - range.low + (double)config->min_max_epsilon;
    for (uint32_t frame = 0; frame < config->frames; ++frame) {
        for (uint32_t band = 0; band < config->rows; ++band) {
            float *const channels =
                features + frame * config->frame_stride + band * config->row_stride;
            /* Scaling the bins to [0, 1] before they were summed up would have needed the range
             * then. A band's weights add up to weight_sums. */
            const double energy =
                ((double)channels[0] - range.low * (double)mixer->weight_sums[band]) / width;
            const float scaled = scale_band(mixer, config->rows, band, fmaxf((float)energy, 0.0f));
            for (uint32_t channel = 0; channel < mixer->channels; ++channel) {
                channels[channel] = scaled;
            }
        }
    }
    return BIRDNET_OK;
}

birdnet_status_t birdnet_frontend_shift(const birdnet_frontend_config_t *config, float *features) {
    if (config == NULL || config->mixer == NULL || features == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const float *const ends = config->mixer->gear_ends;
    const uint32_t channels = ends == NULL ? 0u : config->mixer->channels;
    for (uint32_t channel = 0; channel < channels; ++channel) {
        const float begin = channel == 0u ? 0.0f : ends[channel - 1u];
        const float end = ends[channel];
        for (uint32_t i = channel; i < config->feature_elements; i += channels) {
            const float below = features[i] < end ? features[i] : end;
            features[i] = ((below > begin ? below : begin) - begin) / (end - begin);
        }
    }
    return BIRDNET_OK;
}
