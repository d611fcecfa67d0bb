#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "birdnet_frontend_column.h"
#include "birdnet_frontend_mixer.h"
#include "birdnet_frontend_values.h"
#include "birdnet_kernels.h"

#define CHUNK_SAMPLES 64u
#define PCM_PEAK 32768.0f
#define SMALLEST_PEAK 1e-30f /* smallest peak of a frame whose shares do not overflow */

static birdnet_status_t quantize(const birdnet_frontend_target_t *target, uint32_t count,
                                 const float *values, int8_t *quantized, uint32_t stride) {
    const birdnet_affine_t scale = {
        .elements = (int32_t)count,
        .scale = target->scale,
        .zero_point = target->zero_point,
    };
    return birdnet_quantize_to(&scale, values, quantized, (int32_t)stride);
}

static birdnet_status_t quantize_waveform(const birdnet_frontend_config_t *config,
                                          const birdnet_frontend_target_t *target,
                                          const int16_t *pcm) {
    float chunk[CHUNK_SAMPLES];
    const uint32_t samples = config->window_samples;
    const float peak = (float)birdnet_pcm_peak(pcm, samples) / PCM_PEAK;
    birdnet_status_t status = BIRDNET_OK;
    for (uint32_t first = 0; status == BIRDNET_OK && first < samples; first += CHUNK_SAMPLES) {
        const uint32_t rest = samples - first;
        const uint32_t count = rest < CHUNK_SAMPLES ? rest : CHUNK_SAMPLES;
        birdnet_pcm_scale(pcm + first, count, chunk);
        birdnet_values_scale(chunk, count, 0.0f, peak + config->peak_epsilon);
        status = quantize(target, count, chunk, target->values + first, 1u);
    }
    return status;
}

/* The state of the work on one window. */
typedef struct {
    const birdnet_frontend_config_t *config;
    const birdnet_frontend_target_t *target;
    const int16_t *pcm;
    double *scratch;
    float *column;  /* values of one frame, at the end of the scratch */
    int8_t *values; /* result, at the begin of the workspace */
    uint16_t *kept; /* 16 bits of each value, at the place of its int8; NULL for a logarithm */
    float *peaks;   /* for each frame: its peak, then the value of a share of 1, or NaN if it has to
                       be computed again */
    bool by_frame;  /* the values of a frame are adjacent, otherwise those of a row */
    float log_floor;       /* smaller values are equal */
    birdnet_range_t range; /* range of the whole window */
} window_t;

static void make_column(const window_t *window, uint32_t frame) {
    const birdnet_frontend_config_t *const config = window->config;
    birdnet_frontend_column(config, window->pcm, frame, window->scratch, window->column, 1u);
    if (config->compression == BIRDNET_COMPRESSION_SQRT) {
        birdnet_values_sqrt(window->column, config->rows);
    }
}

static void keep_column(const window_t *window, uint32_t frame, float peak) {
    const birdnet_frontend_target_t *const target = window->target;
    window->peaks[frame] = peak == 0.0f || peak > SMALLEST_PEAK ? peak : NAN;
    const float factor = peak > SMALLEST_PEAK ? BIRDNET_KEPT_MAX / peak : 0.0f;
    birdnet_values_keep(window->column, window->config->rows, factor,
                        window->kept + frame * target->frame_stride, target->row_stride);
}

static void make_all(window_t *window) {
    const birdnet_frontend_config_t *const config = window->config;
    for (uint32_t frame = 0; frame < config->frames; ++frame) {
        birdnet_range_t range = BIRDNET_NO_RANGE;
        make_column(window, frame);
        birdnet_values_widen(&range, window->column, config->rows);
        window->range.low = fminf(window->range.low, range.low);
        window->range.high = fmaxf(window->range.high, range.high);
        if (window->kept != NULL) {
            keep_column(window, frame, range.high);
        }
    }
}

static void round_all(const window_t *window, float width) {
    const birdnet_frontend_config_t *const config = window->config;
    const float unit = width * window->target->scale;
    const birdnet_grid_t grid = {
        .offset = -window->range.low / unit,
        .zero_point = window->target->zero_point,
        .minimum = INT8_MIN - window->target->zero_point,
        .maximum = INT8_MAX - window->target->zero_point,
    };
    for (uint32_t frame = 0; frame < config->frames; ++frame) {
        window->peaks[frame] = window->peaks[frame] / BIRDNET_KEPT_MAX / unit;
    }
    /* An int8 is written to the place of its 16 bits or of earlier ones, always in order. */
    const uint32_t lines = window->by_frame ? config->frames : config->rows;
    const uint32_t count = window->by_frame ? config->rows : config->frames;
    for (uint32_t line = 0; line < lines; ++line) {
        const uint16_t *const kept = window->kept + line * count;
        int8_t *const values = window->values + line * count;
        if (!window->by_frame) {
            birdnet_values_round_each(&grid, kept, count, window->peaks, values);
        } else if (!birdnet_values_round(&grid, kept, count, window->peaks[line], values)) {
            window->peaks[line] = NAN;
        }
    }
}

static birdnet_status_t make_again(const window_t *window, uint32_t frame, float width) {
    const birdnet_frontend_config_t *const config = window->config;
    const birdnet_frontend_target_t *const target = window->target;
    make_column(window, frame);
    if (config->compression == BIRDNET_COMPRESSION_LOG) {
        birdnet_values_log(window->column, config->rows, window->log_floor);
    }
    birdnet_values_scale(window->column, config->rows, window->range.low, width);
    return quantize(target, config->rows, window->column,
                    window->values + frame * target->frame_stride, target->row_stride);
}

static birdnet_status_t quantize_spectrogram(window_t *window) {
    const birdnet_frontend_config_t *const config = window->config;
    make_all(window);
    if (config->compression == BIRDNET_COMPRESSION_LOG) {
        window->log_floor = fmaxf(window->range.high * config->log_floor_ratio, FLT_MIN);
        birdnet_values_log(&window->range.low, 1u, window->log_floor);
        birdnet_values_log(&window->range.high, 1u, window->log_floor);
    }
    const float width = window->range.high - window->range.low + config->min_max_epsilon;
    if (window->kept != NULL) {
        round_all(window, width);
    }
    birdnet_status_t status = BIRDNET_OK;
    for (uint32_t frame = 0; status == BIRDNET_OK && frame < config->frames; ++frame) {
        if (window->kept == NULL || isnan(window->peaks[frame])) {
            status = make_again(window, frame, width);
        }
    }
    return status;
}

/* Whether one of the strides is 1 and the other leaves no gap. The stride of a single value does
 * not matter. */
static bool dense(uint32_t inner_count, uint32_t inner, uint32_t outer_count, uint32_t outer) {
    return (inner_count == 1u || inner == 1u) && (outer_count == 1u || outer == inner_count);
}

static birdnet_status_t prepare(window_t *window, void *workspace) {
    const birdnet_frontend_config_t *const config = window->config;
    const birdnet_frontend_target_t *const target = window->target;
    window->by_frame =
        dense(config->rows, target->row_stride, config->frames, target->frame_stride);
    window->column =
        (float *)(void *)(window->scratch + config->scratch_elements - (config->rows + 1u) / 2u);
    window->values = workspace;
    window->range = BIRDNET_NO_RANGE;
    if (config->compression != BIRDNET_COMPRESSION_LOG) {
        window->kept = workspace;
        window->peaks = (float *)workspace + (config->feature_elements + 1u) / 2u;
    }
    return window->by_frame ||
                   dense(config->frames, target->frame_stride, config->rows, target->row_stride)
               ? BIRDNET_OK
               : BIRDNET_ERROR_ARGUMENT;
}

birdnet_status_t birdnet_frontend_quantize(const birdnet_frontend_config_t *config,
                                           const birdnet_frontend_target_t *target,
                                           const int16_t *pcm, double *scratch, void *workspace) {
    if (config == NULL || target == NULL || target->values == NULL || pcm == NULL ||
        (scratch == NULL && config->scratch_elements > 0u) || workspace == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    if (config->kind == BIRDNET_FRONTEND_RAW) {
        return quantize_waveform(config, target, pcm);
    }
    birdnet_status_t status;
    if (config->mixer != NULL) {
        status = birdnet_frontend_mix_quantized(config, target, pcm, scratch, workspace);
    } else {
        window_t window = {.config = config, .target = target, .pcm = pcm, .scratch = scratch};
        status = prepare(&window, workspace);
        if (status == BIRDNET_OK) {
            status = quantize_spectrogram(&window);
        }
    }
    if (status == BIRDNET_OK && target->values != workspace) {
        memmove(target->values, workspace, config->feature_elements);
    }
    return status;
}
