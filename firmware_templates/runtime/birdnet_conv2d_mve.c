/* birdnet_conv2d() for cores with Helium. */
#include "birdnet_kernels.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_tile_mve.h"
#include "birdnet_window.h"

/* A window is read 16 values at a time, in the order of its weights, straight from the input: as
 * many rows of it as the 16 values touch. */
enum { BLOCK = 16 };

/** The window of a pixel. */
typedef struct {
    birdnet_taps_t rows;
    birdnet_taps_t columns;
} place_t;

/** Lanes begin to end - 1 of 16; either may lie outside. */
static inline mve_pred16_t lanes(int32_t begin, int32_t end) {
    const uint32_t below_begin = begin <= 0 ? 0u : begin >= BLOCK ? 0xFFFFu : (1u << begin) - 1u;
    const uint32_t below_end = end <= 0 ? 0u : end >= BLOCK ? 0xFFFFu : (1u << end) - 1u;
    return (mve_pred16_t)(below_end & ~below_begin);
}

/** Values `first` to `first` + 15 of a window; the zero point where it leaves the input. */
static __attribute__((noinline)) int8x16_t
window_values(const birdnet_conv2d_t *layer, const int8_t *input, place_t at, int32_t first) {
    const int32_t channels = layer->input.channels;
    const int32_t run = layer->window.width * channels;
    int8x16_t values = vdupq_n_s8((int8_t)layer->input_zero_point);
    for (int32_t i = at.rows.first; i < at.rows.end; ++i) {
        const int32_t row = (at.rows.origin + i) * layer->input.width + at.columns.origin;
        const int32_t lane = i * run - first; /* of the row's first value */
        const mve_pred16_t inside =
            lanes(lane + at.columns.first * channels, lane + at.columns.end * channels);
        const int8x16_t loaded = vldrbq_z_s8(input + row * channels - lane, inside);
        values = vpselq_s8(loaded, values, inside);
    }
    return values;
}

/** A window of 16 values at most, inside as a whole: where its rows lie and go. */
typedef struct {
    mve_pred16_t lanes[BLOCK];
    int32_t offset[BLOCK];
    int32_t rows; /**< 0 if the window is larger */
} small_t;

static small_t small_window(const birdnet_conv2d_t *layer) {
    const int32_t run = layer->window.width * layer->input.channels;
    small_t small = {.rows = 0};
    if (layer->window.height * run <= BLOCK) {
        small.rows = layer->window.height;
        for (int32_t i = 0; i < small.rows; ++i) {
            small.lanes[i] = lanes(i * run, (i + 1) * run);
            small.offset[i] = i * (layer->input.width * layer->input.channels - run);
        }
    }
    return small;
}

/** All values of a small window that begins at `input`; the lanes behind them are 0. */
static inline int8x16_t small_values(const small_t *small, const int8_t *input) {
    int8x16_t values = vldrbq_z_s8(input, small->lanes[0]);
    for (int32_t i = 1; i < small->rows; ++i) {
        values = vorrq_s8(values, vldrbq_z_s8(input + small->offset[i], small->lanes[i]));
    }
    return values;
}

/** sums[p][o] = weights[o] . x[p] for 16 values of the window, plus what is there but for the
 * first. */
static inline __attribute__((always_inline)) void multiply(const int8x16_t x[BIRDNET_TILE_PIXELS],
                                                           const int8_t *weights, int32_t stride,
                                                           int32_t outputs, bool first,
                                                           int32_t *sums) {
    const int8x16_t x0 = x[0];
    const int8x16_t x1 = x[1];
    const int8x16_t x2 = x[2];
    const int32_t *second = sums + BIRDNET_TILE_CHANNELS;
    const int32_t *third = second + BIRDNET_TILE_CHANNELS;
#pragma GCC unroll 1
    do {
        const int8x16_t w0 = vldrbq_s8(weights);
        const int8x16_t w1 = vldrbq_s8(weights + stride);
        if (first) {
            birdnet_tile_put(sums, vmladavq_s8(w0, x0), vmladavq_s8(w1, x0), vmladavq_s8(w0, x1),
                             vmladavq_s8(w1, x1), vmladavq_s8(w0, x2), vmladavq_s8(w1, x2));
        } else {
            birdnet_tile_put(sums, vmladavaq_s8(sums[0], w0, x0), vmladavaq_s8(sums[1], w1, x0),
                             vmladavaq_s8(second[0], w0, x1), vmladavaq_s8(second[1], w1, x1),
                             vmladavaq_s8(third[0], w0, x2), vmladavaq_s8(third[1], w1, x2));
        }
        weights += 2 * stride;
        sums += 2;
        second += 2;
        third += 2;
        outputs -= 2;
    } while (outputs > 0);
}

static __attribute__((noinline)) void multiply_first(const int8x16_t x[BIRDNET_TILE_PIXELS],
                                                     const int8_t *weights, int32_t stride,
                                                     int32_t outputs, int32_t *sums) {
    multiply(x, weights, stride, outputs, true, sums);
}

static __attribute__((noinline)) void multiply_next(const int8x16_t x[BIRDNET_TILE_PIXELS],
                                                    const int8_t *weights, int32_t stride,
                                                    int32_t outputs, int32_t *sums) {
    multiply(x, weights, stride, outputs, false, sums);
}

birdnet_status_t birdnet_conv2d(const birdnet_conv2d_t *layer, const int8_t *input,
                                int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const birdnet_window_t *window = &layer->window;
    const int32_t outputs = layer->output.channels;
    const int32_t stride = birdnet_filter_stride(window, layer->input.channels);
    const birdnet_tile_stage_t stage = {
        .bias = layer->bias,
        .multipliers = layer->multipliers,
        .shifts = layer->shifts,
        .result = layer->result,
        .rounding = birdnet_rounding_of(layer->shifts, outputs, &layer->result),
    };
    const small_t small = small_window(layer);
    const birdnet_inside_t inside =
        birdnet_inside(window->stride_width, window->pad_left, window->width, layer->input.width);
    const int32_t last = layer->output.width - 1;
    for (int32_t y = 0; y < layer->output.height; ++y) {
        place_t at[BIRDNET_TILE_PIXELS];
        at[0].rows = birdnet_taps(y, window->stride_height, window->pad_top, window->height,
                                  layer->input.height);
        const bool whole_rows = at[0].rows.end - at[0].rows.first == small.rows;
        const int8_t *row = input + at[0].rows.origin * layer->input.width * layer->input.channels;
        for (int32_t x = 0; x <= last; x += BIRDNET_TILE_PIXELS) {
            /* Behind the last pixel comes the last once more, stored to the same place. */
            const int32_t pixels[] = {x, x < last ? x + 1 : last, x + 1 < last ? x + 2 : last};
            int8_t *const to[] = {output + pixels[0] * outputs, output + pixels[1] * outputs,
                                  output + pixels[2] * outputs};
            int8x16_t values[BIRDNET_TILE_PIXELS];
            if (whole_rows && x >= inside.first && pixels[2] < inside.end) {
                const int32_t step = window->stride_width * layer->input.channels;
                const int8_t *from = row + x * step - window->pad_left * layer->input.channels;
                values[0] = small_values(&small, from);
                values[1] = small_values(&small, from + (pixels[1] - x) * step);
                values[2] = small_values(&small, from + (pixels[2] - x) * step);
            } else {
                for (int32_t i = 0; i < BIRDNET_TILE_PIXELS; ++i) {
                    at[i].rows = at[0].rows;
                    at[i].columns = birdnet_taps(pixels[i], window->stride_width, window->pad_left,
                                                 window->width, layer->input.width);
                    values[i] = window_values(layer, input, at[i], 0);
                }
            }
            for (int32_t o = 0; o < outputs; o += BIRDNET_TILE_CHANNELS) {
                const int32_t left = outputs - o;
                const int32_t count = left < BIRDNET_TILE_CHANNELS ? left : BIRDNET_TILE_CHANNELS;
                const int8_t *weights = layer->weights + o * stride;
                birdnet_tile_sums_t sums;
                multiply_first(values, weights, stride, count, sums.of[0]);
                for (int32_t k = BLOCK; k < stride; k += BLOCK) {
                    const int8x16_t next[] = {window_values(layer, input, at[0], k),
                                              window_values(layer, input, at[1], k),
                                              window_values(layer, input, at[2], k)};
                    multiply_next(next, weights + k, stride, count, sums.of[0]);
                }
                birdnet_tile_store(&stage, &sums, o, count, to);
            }
        }
        output += layer->output.width * outputs;
    }
    return BIRDNET_OK;
}

#endif
