/* birdnet_conv2d() for cores with Helium. */
#include "birdnet_kernels.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_tile_mve.h"
#include "birdnet_window.h"

/* The windows of three pixels are packed one after the other, in the order of their weights. Large
 * windows are packed in parts. Windows of at most 16 values are loaded directly into vectors. */
enum { BLOCK = 16, PART = 9 * BLOCK };

#define KERNEL static __attribute__((noinline)) void

/** The window of a pixel. */
typedef struct {
    birdnet_taps_t rows;
    birdnet_taps_t columns;
} place_t;

/** A convolution, and how its sums become results. */
typedef struct {
    const birdnet_conv2d_t *layer;
    birdnet_tile_stage_t stage;
    int32_t filter; /**< distance from one filter to the next */
} convolution_t;

/** Values first to first + count - 1 of a window. Outside of the input they are the zero point. */
KERNEL pack(const birdnet_conv2d_t *layer, const int8_t *input, place_t at, int32_t first,
            int32_t count, int8_t *packed) {
    const int32_t channels = layer->input.channels;
    const int32_t next_row = layer->input.width * channels;
    const int32_t inside = (at.columns.end - at.columns.first) * channels;
    int32_t begin = (at.rows.first * layer->window.width + at.columns.first) * channels - first;
    input += (at.rows.origin + at.rows.first) * next_row +
             (at.columns.origin + at.columns.first) * channels;
    for (int32_t k = 0; k < count; k += BLOCK) {
        vstrbq_s8(packed + k, vdupq_n_s8((int8_t)layer->input_zero_point));
    }
    for (int32_t rows = at.rows.end - at.rows.first; rows > 0; --rows) {
        const int32_t end = begin + inside < count ? begin + inside : count;
        for (int32_t k = begin < 0 ? 0 : begin; k < end; k += BLOCK) {
            const mve_pred16_t lanes = vctp8q((uint32_t)(end - k));
            vstrbq_p_s8(packed + k, vldrbq_z_s8(input + k - begin, lanes), lanes);
        }
        input += next_row;
        begin += layer->window.width * channels;
    }
}

/** Three pixels with windows at any position. */
KERNEL packed_tile(const convolution_t *convolution, const int8_t *input,
                   const place_t at[BIRDNET_TILE_PIXELS], birdnet_tile_t *tile) {
    const int32_t outputs = convolution->layer->output.channels;
    const int32_t filter = convolution->filter;
    int8_t packed[BIRDNET_TILE_PIXELS][PART];
    for (int32_t o = 0; o < outputs; o += BIRDNET_TILE_CHANNELS) {
        birdnet_tile_begin(tile, o, outputs);
        for (int32_t k = 0; k < filter; k += PART) {
            const int32_t values = filter - k < PART ? filter - k : PART;
            if (o == 0 || filter > PART) {
                for (int32_t i = 0; i < BIRDNET_TILE_PIXELS; ++i) {
                    pack(convolution->layer, input, at[i], k, values, packed[i]);
                }
            }
            const int8_t *const from[] = {packed[0], packed[1], packed[2]};
            const int8_t *weights = convolution->layer->weights + o * filter + k;
            if (k == 0) {
                birdnet_tile_multiply(from, weights, filter, values / BLOCK, tile);
            } else {
                birdnet_tile_multiply_more(from, weights, filter, values / BLOCK, tile);
            }
        }
        birdnet_tile_store(&convolution->stage, tile);
    }
}

/** Neighbouring tiles. All columns of their windows lie inside, and a window has at most PART
 * values. The first window begins at `input`. */
KERNEL packed_tiles(const convolution_t *convolution, birdnet_taps_t rows, const int8_t *input,
                    int8_t *output, int32_t tiles, birdnet_tile_t *tile) {
    const birdnet_conv2d_t *layer = convolution->layer;
    const int32_t outputs = layer->output.channels;
    const int32_t filter = convolution->filter;
    const int32_t step = layer->window.stride_width * layer->input.channels;
    const int32_t run = layer->window.width * layer->input.channels;
    const int32_t next_row = layer->input.width * layer->input.channels;
    int8_t packed[BIRDNET_TILE_PIXELS * PART];
    const int8_t *const from[] = {packed, packed + PART, packed + 2 * PART};
    for (int32_t k = 0; k < BIRDNET_TILE_PIXELS * PART; k += BLOCK) {
        vstrbq_s8(packed + k, vdupq_n_s8((int8_t)layer->input_zero_point));
    }
    input += rows.first * next_row;
    for (; tiles > 0; --tiles) {
        const int8_t *row = input;
        int8_t *values = packed + rows.first * run;
        for (int32_t i = rows.end - rows.first; i > 0; --i) {
#pragma GCC unroll 1
            for (int32_t k = 0; k < run; k += BLOCK) {
                const mve_pred16_t lanes = vctp8q((uint32_t)(run - k));
                const int8_t *x = row + k;
                int8_t *to = values + k;
                vstrbq_p_s8(to, vldrbq_z_s8(x, lanes), lanes);
                vstrbq_p_s8(to + PART, vldrbq_z_s8(x + step, lanes), lanes);
                vstrbq_p_s8(to + 2 * PART, vldrbq_z_s8(x + 2 * step, lanes), lanes);
            }
            row += next_row;
            values += run;
        }
        tile->output[0] = output;
        tile->output[1] = output + outputs;
        tile->output[2] = output + 2 * outputs;
        for (int32_t o = 0; o < outputs; o += BIRDNET_TILE_CHANNELS) {
            const int8_t *weights = layer->weights + o * filter;
            birdnet_tile_begin(tile, o, outputs);
            if (filter == 2 * BLOCK) {
                birdnet_tile_multiply_32(from, weights, tile);
            } else {
                birdnet_tile_multiply(from, weights, filter, filter / BLOCK, tile);
            }
            birdnet_tile_store(&convolution->stage, tile);
        }
        input += BIRDNET_TILE_PIXELS * step;
        output += BIRDNET_TILE_PIXELS * outputs;
    }
}

/** Windows of at most 16 values. All their columns lie inside. */
typedef struct {
    int32_t rows;              /**< 0 if the windows are larger */
    int32_t next;              /**< distance from the values of one row to those of the next */
    mve_pred16_t lanes[BLOCK]; /**< values of each row in a vector */
} small_t;

static small_t small_windows(const birdnet_conv2d_t *layer) {
    const int32_t run = layer->window.width * layer->input.channels;
    small_t small = {.rows = 0};
    if (layer->window.height * run <= BLOCK) {
        small.rows = layer->window.height;
        small.next = layer->input.width * layer->input.channels - run;
        for (int32_t i = 0; i < small.rows; ++i) {
            small.lanes[i] = (mve_pred16_t)((1u << (i + 1) * run) - (1u << i * run));
        }
    }
    return small;
}

/** Three pixels from the values of their windows. */
static inline __attribute__((always_inline)) void finish_tile(const convolution_t *convolution,
                                                              int8x16_t x0, int8x16_t x1,
                                                              int8x16_t x2, birdnet_tile_t *tile) {
    const birdnet_conv2d_t *layer = convolution->layer;
    const int32_t outputs = layer->output.channels;
    for (int32_t o = 0; o < outputs; o += BIRDNET_TILE_CHANNELS) {
        birdnet_tile_begin(tile, o, outputs);
        birdnet_tile_multiply_block(x0, x1, x2, layer->weights + o * BLOCK, tile);
        birdnet_tile_store(&convolution->stage, tile);
    }
}

/** Neighbouring tiles with small windows. The first window begins at `input`. */
KERNEL small_tiles(const convolution_t *convolution, const small_t *small, birdnet_taps_t rows,
                   const int8_t *input, int8_t *output, int32_t tiles, birdnet_tile_t *tile) {
    const birdnet_conv2d_t *layer = convolution->layer;
    const int32_t outputs = layer->output.channels;
    const int32_t step = layer->window.stride_width * layer->input.channels;
    const int8x16_t zero_point = vdupq_n_s8((int8_t)layer->input_zero_point);
    int8x16_t outside = vdupq_n_s8(0);
    for (int32_t i = 0; i < small->rows; ++i) {
        if (i < rows.first || i >= rows.end) {
            outside = vpselq_s8(zero_point, outside, small->lanes[i]);
        }
    }
    input += rows.first * small->next;
    for (; tiles > 0; --tiles) {
        const int8_t *row = input;
        int8x16_t x0 = outside;
        int8x16_t x1 = outside;
        int8x16_t x2 = outside;
        const mve_pred16_t *next_lanes = small->lanes + rows.first;
#pragma GCC unroll 1
        for (int32_t i = rows.end - rows.first; i > 0; --i) {
            const mve_pred16_t lanes = *next_lanes++;
            x0 = vorrq_s8(x0, vldrbq_z_s8(row, lanes));
            x1 = vorrq_s8(x1, vldrbq_z_s8(row + step, lanes));
            x2 = vorrq_s8(x2, vldrbq_z_s8(row + 2 * step, lanes));
            row += small->next;
        }
        tile->output[0] = output;
        tile->output[1] = output + outputs;
        tile->output[2] = output + 2 * outputs;
        finish_tile(convolution, x0, x1, x2, tile);
        input += BIRDNET_TILE_PIXELS * step;
        output += BIRDNET_TILE_PIXELS * outputs;
    }
}

birdnet_status_t birdnet_conv2d(const birdnet_conv2d_t *layer, const int8_t *input,
                                int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const birdnet_window_t *window = &layer->window;
    const int32_t outputs = layer->output.channels;
    const int32_t channels = layer->input.channels;
    const convolution_t convolution = {
        .layer = layer,
        .stage = birdnet_tile_stage(layer->bias, layer->multipliers, layer->shifts, outputs,
                                    layer->result),
        .filter = birdnet_filter_stride(window, channels),
    };
    const small_t small = small_windows(layer);
    const birdnet_inside_t inside =
        birdnet_inside(window->stride_width, window->pad_left, window->width, layer->input.width);
    const int32_t width = layer->output.width;
    const int32_t pixels = layer->output.height * width;
    /* A tile may contain pixels of several rows only if it reads all of them before it writes one.
     */
    const bool at_once = convolution.filter <= PART || outputs <= BIRDNET_TILE_CHANNELS;
    for (int32_t p = 0; p < pixels;) {
        const int32_t y = p / width;
        const int32_t x = p - y * width;
        const int32_t whole = (inside.end - x) / BIRDNET_TILE_PIXELS;
        place_t at[BIRDNET_TILE_PIXELS];
        birdnet_tile_t tile;
        at[0].rows = birdnet_taps(y, window->stride_height, window->pad_top, window->height,
                                  layer->input.height);
        if (convolution.filter <= PART && x >= inside.first && whole > 0) {
            const int32_t row = at[0].rows.origin * layer->input.width;
            const int32_t column = x * window->stride_width - window->pad_left;
            const int8_t *first = input + (row + column) * channels;
            if (small.rows > 0) {
                small_tiles(&convolution, &small, at[0].rows, first, output + p * outputs, whole,
                            &tile);
            } else {
                packed_tiles(&convolution, at[0].rows, first, output + p * outputs, whole, &tile);
            }
            p += whole * BIRDNET_TILE_PIXELS;
            continue;
        }
        const int32_t end = at_once ? pixels : p - x + width;
        for (int32_t i = 0; i < BIRDNET_TILE_PIXELS; ++i) {
            /* After the last pixel, the last pixel is computed again and stored to the same place.
             */
            const int32_t pixel = p + i < end ? p + i : end - 1;
            at[i].rows = birdnet_taps(pixel / width, window->stride_height, window->pad_top,
                                      window->height, layer->input.height);
            at[i].columns = birdnet_taps(pixel % width, window->stride_width, window->pad_left,
                                         window->width, layer->input.width);
            tile.output[i] = output + pixel * outputs;
        }
        packed_tile(&convolution, input, at, &tile);
        p = p + BIRDNET_TILE_PIXELS < end ? p + BIRDNET_TILE_PIXELS : end;
    }
    return BIRDNET_OK;
}

#endif
