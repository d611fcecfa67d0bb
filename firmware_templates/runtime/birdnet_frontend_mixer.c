#include <float.h>
#include <math.h>

#include "birdnet_frontend_column.h"
#include "birdnet_frontend_frame.h"
#include "birdnet_frontend_mixer.h"
#include "birdnet_frontend_values.h"
#include "birdnet_kernels.h"

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

/* The values of a frame that are compressed and scaled to [0, 1]: its bins, or its bands if the
 * model was trained on bands. */
static uint32_t value_count(const birdnet_frontend_config_t *config) {
    return config->kind == BIRDNET_FRONTEND_MEL ? config->rows : config->bins;
}

/* Address of the energies of the bands. */
typedef struct {
    float *first;
    uint32_t frame_stride;
    uint32_t row_stride;
} energies_t;

static double *frame_values(const birdnet_frontend_config_t *config, const int16_t *pcm,
                            uint32_t frame, double *scratch, const energies_t *energies) {
    double *const values = birdnet_frontend_frame(config, pcm, frame, scratch);
    if (config->kind == BIRDNET_FRONTEND_MEL) {
        float *const column = energies->first + frame * energies->frame_stride;
        birdnet_frontend_bands(config, values, column, energies->row_stride);
        for (uint32_t band = 0; band < config->rows; ++band) {
            values[band] = (double)column[band * energies->row_stride];
        }
    }
    return values;
}

/* Properties of the whole window that a logarithm needs: its lower limit, and the smallest result.
 */
typedef struct {
    double floor;
    double lowest;
} log_scale_t;

static log_scale_t log_scale(const birdnet_frontend_config_t *config, const int16_t *pcm,
                             double *scratch, const energies_t *energies) {
    range_t range = nothing;
    for (uint32_t frame = 0; frame < config->frames; ++frame) {
        widen(&range, frame_values(config, pcm, frame, scratch, energies), value_count(config));
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

#ifdef BIRDNET_FFT_FIXED
/* mix_frames() without compression, for which the fixed-point transform is exact enough. */
static range_t mix_fixed_frames(const birdnet_frontend_config_t *config, const int16_t *pcm,
                                double *scratch, const energies_t *energies) {
    const uint32_t count = value_count(config);
    float *const values = (float *)(void *)(scratch + config->scratch_elements - (count + 1u) / 2u);
    birdnet_range_t range = BIRDNET_NO_RANGE;
    for (uint32_t frame = 0; frame < config->frames; ++frame) {
        float *const column = energies->first + frame * energies->frame_stride;
        birdnet_frontend_column(config, pcm, frame, scratch, values, 1u);
        birdnet_values_widen(&range, values, count);
        if (config->kind != BIRDNET_FRONTEND_MEL) {
            birdnet_frontend_sum_bands(config, values, column, energies->row_stride);
            continue;
        }
        for (uint32_t band = 0; band < config->rows; ++band) {
            column[band * energies->row_stride] = values[band];
        }
    }
    return (range_t){.low = (double)range.low, .high = (double)range.high};
}
#endif

/* The bands of the compressed magnitudes, or the compressed bands. */
static range_t mix_frames(const birdnet_frontend_config_t *config, const int16_t *pcm,
                          double *scratch, const energies_t *energies) {
#ifdef BIRDNET_FFT_FIXED
    if (config->fixed_twiddles != NULL) {
        return mix_fixed_frames(config, pcm, scratch, energies);
    }
#endif
    log_scale_t scale = {0};
    if (config->compression == BIRDNET_COMPRESSION_LOG) {
        scale = log_scale(config, pcm, scratch, energies);
    }
    range_t range = nothing;
    for (uint32_t frame = 0; frame < config->frames; ++frame) {
        double *const values = frame_values(config, pcm, frame, scratch, energies);
        float *const column = energies->first + frame * energies->frame_stride;
        compress(config->compression, &scale, values, value_count(config));
        widen(&range, values, value_count(config));
        if (config->kind == BIRDNET_FRONTEND_MEL) {
            for (uint32_t band = 0; band < config->rows; ++band) {
                column[band * energies->row_stride] = (float)values[band];
            }
        } else {
            birdnet_frontend_bands(config, values, column, energies->row_stride);
        }
    }
    return range;
}

/* Scaling the bins to [0, 1] before the sum would have needed the range at that time. */
static birdnet_scaling_t scaling(const birdnet_frontend_config_t *config, const range_t *range) {
    return (birdnet_scaling_t){
        .low = (float)range->low,
        .width = (float)(range->high - range->low + (double)config->min_max_epsilon),
    };
}

static void take_subrange(const birdnet_frontend_mixer_t *mixer, uint32_t channel,
                          const float *values, uint32_t count, float *shifted) {
    const float begin = channel == 0u ? 0.0f : mixer->subrange_ends[channel - 1u];
    birdnet_values_subrange(values, count, begin, mixer->subrange_ends[channel], shifted);
}

birdnet_status_t birdnet_frontend_mix(const birdnet_frontend_config_t *config, const int16_t *pcm,
                                      double *scratch, float *features) {
    if (config == NULL || config->mixer == NULL || pcm == NULL || scratch == NULL ||
        features == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const energies_t energies = {
        .first = features, /* the first channel of each band */
        .frame_stride = config->frame_stride,
        .row_stride = config->row_stride,
    };
    const range_t range = mix_frames(config, pcm, scratch, &energies);
    const birdnet_scaling_t scale = scaling(config, &range);
    float *const values = (float *)(void *)scratch; /* the transforms are done */
    for (uint32_t frame = 0; frame < config->frames; ++frame) {
        float *const column = features + frame * config->frame_stride;
        for (uint32_t band = 0; band < config->rows; ++band) {
            values[band] = column[band * config->row_stride];
        }
        birdnet_values_mix(config->mixer, &scale, values, config->rows);
        for (uint32_t band = 0; band < config->rows; ++band) {
            for (uint32_t channel = 0; channel < config->mixer->channels; ++channel) {
                column[band * config->row_stride + channel] = values[band];
            }
        }
    }
    return BIRDNET_OK;
}

birdnet_status_t birdnet_frontend_shift(const birdnet_frontend_config_t *config, float *features) {
    if (config == NULL || config->mixer == NULL || features == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const uint32_t channels = config->mixer->subrange_ends == NULL ? 0u : config->mixer->channels;
    for (uint32_t channel = 0; channel < channels; ++channel) {
        for (uint32_t i = channel; i < config->feature_elements; i += channels) {
            take_subrange(config->mixer, channel, &features[i], 1u, &features[i]);
        }
    }
    return BIRDNET_OK;
}

birdnet_status_t birdnet_frontend_mix_quantized(const birdnet_frontend_config_t *config,
                                                const birdnet_frontend_target_t *target,
                                                const int16_t *pcm, double *scratch,
                                                void *workspace) {
    const birdnet_frontend_mixer_t *const mixer = config->mixer;
    const uint32_t rows = config->rows;
    const energies_t energies = {
        .first = (float *)workspace + (config->feature_elements + 3u) / 4u,
        .frame_stride = rows,
        .row_stride = 1u,
    };
    const birdnet_affine_t scale = {
        .elements = (int32_t)rows,
        .scale = target->scale,
        .zero_point = target->zero_point,
    };
    const range_t range = mix_frames(config, pcm, scratch, &energies);
    const birdnet_scaling_t scaled = scaling(config, &range);
    float *const shifted = (float *)(void *)scratch; /* the transforms are done */
    birdnet_status_t status = BIRDNET_OK;
    for (uint32_t frame = 0; frame < config->frames; ++frame) {
        float *const values = energies.first + frame * rows;
        int8_t *quantized = (int8_t *)workspace + frame * target->frame_stride;
        birdnet_values_mix(mixer, &scaled, values, rows);
        for (uint32_t channel = 0; status == BIRDNET_OK && channel < mixer->channels; ++channel) {
            const float *source = values;
            if (mixer->subrange_ends != NULL) {
                take_subrange(mixer, channel, values, rows, shifted);
                source = shifted;
            }
            status = birdnet_quantize_to(&scale, source, quantized, (int32_t)target->row_stride);
            quantized += target->channel_stride;
        }
    }
    return status;
}
