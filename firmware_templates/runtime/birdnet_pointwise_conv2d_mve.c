/* birdnet_pointwise_conv2d() for cores with Helium. */
#include "birdnet_kernels.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_convolution_of.h"
#include "birdnet_tile_mve.h"

/* Each needs all the registers, so none may be merged into its caller. */
#define KERNEL static __attribute__((noinline)) void

/** Where the pixels of a tile are. */
typedef const int8_t *pixels_t[BIRDNET_TILE_PIXELS];

/** sums[p][o] = sum_c weights[o][c] * input[p][c] for `blocks` times 16 channels. */
static inline __attribute__((always_inline)) void multiply_unrolled(const pixels_t input,
                                                                    const int8_t *weights,
                                                                    int32_t blocks, int32_t outputs,
                                                                    int32_t *sums) {
    const int8_t *const x0 = input[0];
    const int8_t *const x1 = input[1];
    const int8_t *const x2 = input[2];
#pragma GCC unroll 1
    do {
        int32_t s00 = 0;
        int32_t s01 = 0;
        int32_t s10 = 0;
        int32_t s11 = 0;
        int32_t s20 = 0;
        int32_t s21 = 0;
#pragma GCC unroll 4
        for (int32_t c = 0; c < 16 * blocks; c += 16) {
            const int8x16_t w0 = vldrbq_s8(weights + c);
            const int8x16_t w1 = vldrbq_s8(weights + 16 * blocks + c);
            int8x16_t x = vldrbq_s8(x0 + c);
            s00 = c == 0 ? vmladavq_s8(w0, x) : vmladavaq_s8(s00, w0, x);
            s01 = c == 0 ? vmladavq_s8(w1, x) : vmladavaq_s8(s01, w1, x);
            x = vldrbq_s8(x1 + c);
            s10 = c == 0 ? vmladavq_s8(w0, x) : vmladavaq_s8(s10, w0, x);
            s11 = c == 0 ? vmladavq_s8(w1, x) : vmladavaq_s8(s11, w1, x);
            x = vldrbq_s8(x2 + c);
            s20 = c == 0 ? vmladavq_s8(w0, x) : vmladavaq_s8(s20, w0, x);
            s21 = c == 0 ? vmladavq_s8(w1, x) : vmladavaq_s8(s21, w1, x);
        }
        birdnet_tile_put(sums, s00, s01, s10, s11, s20, s21);
        weights += 32 * blocks;
        sums += 2;
        outputs -= 2;
    } while (outputs > 0);
}

KERNEL multiply_16(const pixels_t input, const int8_t *weights, int32_t outputs, int32_t *sums) {
    multiply_unrolled(input, weights, 1, outputs, sums);
}

KERNEL multiply_32(const pixels_t input, const int8_t *weights, int32_t outputs, int32_t *sums) {
    multiply_unrolled(input, weights, 2, outputs, sums);
}

KERNEL multiply_64(const pixels_t input, const int8_t *weights, int32_t outputs, int32_t *sums) {
    multiply_unrolled(input, weights, 4, outputs, sums);
}

/** The same for any number of channels; `rest` are those behind the last block. */
static inline __attribute__((always_inline)) void multiply_blocks(const pixels_t input,
                                                                  const int8_t *weights,
                                                                  int32_t channels, int32_t rest,
                                                                  int32_t outputs, int32_t *sums) {
    const int32_t blocks = channels / 16;
    const mve_pred16_t lanes = vctp8q((uint32_t)rest);
    const int8x16_t rest0 = vldrbq_z_s8(input[0] + 16 * blocks, lanes);
    const int8x16_t rest1 = vldrbq_z_s8(input[1] + 16 * blocks, lanes);
    const int8x16_t rest2 = vldrbq_z_s8(input[2] + 16 * blocks, lanes);
#pragma GCC unroll 1
    do {
        const int8_t *x0 = input[0];
        const int8_t *x1 = input[1];
        const int8_t *x2 = input[2];
        const int8_t *second = weights + channels;
        int32_t s00 = 0;
        int32_t s01 = 0;
        int32_t s10 = 0;
        int32_t s11 = 0;
        int32_t s20 = 0;
        int32_t s21 = 0;
        if (rest > 0) {
            const int8x16_t w0 = vldrbq_z_s8(weights + 16 * blocks, lanes);
            const int8x16_t w1 = vldrbq_z_s8(second + 16 * blocks, lanes);
            s00 = vmladavq_s8(w0, rest0);
            s01 = vmladavq_s8(w1, rest0);
            s10 = vmladavq_s8(w0, rest1);
            s11 = vmladavq_s8(w1, rest1);
            s20 = vmladavq_s8(w0, rest2);
            s21 = vmladavq_s8(w1, rest2);
        }
#pragma GCC unroll 1
        for (int32_t block = blocks; block > 0; --block) {
            const int8x16_t w0 = vldrbq_s8(weights);
            const int8x16_t w1 = vldrbq_s8(second);
            int8x16_t x = vldrbq_s8(x0);
            s00 = vmladavaq_s8(s00, w0, x);
            s01 = vmladavaq_s8(s01, w1, x);
            x = vldrbq_s8(x1);
            s10 = vmladavaq_s8(s10, w0, x);
            s11 = vmladavaq_s8(s11, w1, x);
            x = vldrbq_s8(x2);
            s20 = vmladavaq_s8(s20, w0, x);
            s21 = vmladavaq_s8(s21, w1, x);
            weights += 16;
            second += 16;
            x0 += 16;
            x1 += 16;
            x2 += 16;
        }
        weights = second + rest;
        birdnet_tile_put(sums, s00, s01, s10, s11, s20, s21);
        sums += 2;
        outputs -= 2;
    } while (outputs > 0);
}

KERNEL multiply_whole(const pixels_t input, const int8_t *weights, int32_t channels,
                      int32_t outputs, int32_t *sums) {
    multiply_blocks(input, weights, channels, 0, outputs, sums);
}

KERNEL multiply_any(const pixels_t input, const int8_t *weights, int32_t channels, int32_t outputs,
                    int32_t *sums) {
    multiply_blocks(input, weights, channels, channels % 16, outputs, sums);
}

/** `sum` is NULL or says how `other` is added. */
static void convolve(const birdnet_pointwise_conv2d_t *layer, const int8_t *input,
                     const birdnet_pointwise_conv2d_add_t *sum, const int8_t *other,
                     int8_t *output) {
    const int32_t channels = layer->input_channels;
    const int32_t outputs = layer->output_channels;
    const birdnet_tile_stage_t stage = {
        .bias = layer->bias,
        .multipliers = layer->multipliers,
        .shifts = layer->shifts,
        .result = layer->result,
        .rounding = birdnet_rounding_of(layer->shifts, outputs, &layer->result),
    };
    for (int32_t p = 0; p < layer->pixels; p += BIRDNET_TILE_PIXELS) {
        /* Behind the last pixel comes the last once more, stored to the same place. */
        const int8_t *from[BIRDNET_TILE_PIXELS];
        const int8_t *added[BIRDNET_TILE_PIXELS];
        int8_t *to[BIRDNET_TILE_PIXELS];
        for (int32_t i = 0; i < BIRDNET_TILE_PIXELS; ++i) {
            const int32_t pixel = p + i < layer->pixels ? p + i : layer->pixels - 1;
            from[i] = input + pixel * channels;
            added[i] = other + pixel * outputs;
            to[i] = output + pixel * outputs;
        }
        for (int32_t o = 0; o < outputs; o += BIRDNET_TILE_CHANNELS) {
            const int32_t left = outputs - o;
            const int32_t count = left < BIRDNET_TILE_CHANNELS ? left : BIRDNET_TILE_CHANNELS;
            const int8_t *weights = layer->weights + o * channels;
            birdnet_tile_sums_t sums;
            if (channels == 16) {
                multiply_16(from, weights, count, sums.of[0]);
            } else if (channels == 32) {
                multiply_32(from, weights, count, sums.of[0]);
            } else if (channels == 64) {
                multiply_64(from, weights, count, sums.of[0]);
            } else if (channels % 16 == 0) {
                multiply_whole(from, weights, channels, count, sums.of[0]);
            } else {
                multiply_any(from, weights, channels, count, sums.of[0]);
            }
            if (sum == NULL) {
                birdnet_tile_store(&stage, &sums, o, count, to);
            } else {
                birdnet_tile_store_sum(sum, &stage, &sums, o, count, added, to);
            }
        }
    }
}

birdnet_status_t birdnet_pointwise_conv2d(const birdnet_pointwise_conv2d_t *layer,
                                          const int8_t *input, int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    convolve(layer, input, NULL, output, output);
    return BIRDNET_OK;
}

birdnet_status_t birdnet_pointwise_conv2d_add(const birdnet_pointwise_conv2d_add_t *layer,
                                              const int8_t *input, const int8_t *other,
                                              int8_t *output) {
    if (layer == NULL || input == NULL || other == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const birdnet_pointwise_conv2d_t convolution = birdnet_convolution_of(layer);
    convolve(&convolution, input, layer, other, output);
    return BIRDNET_OK;
}

#endif
