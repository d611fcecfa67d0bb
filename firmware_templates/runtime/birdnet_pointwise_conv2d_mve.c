/* birdnet_pointwise_conv2d() for cores with Helium. */
#include "birdnet_kernels.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_convolution_of.h"
#include "birdnet_tile_mve.h"

/* Each function needs all registers. Therefore none may be inlined into its caller. */
#define KERNEL static __attribute__((noinline)) void

/** Positions of the pixels of a tile. */
typedef const int8_t *pixels_t[BIRDNET_TILE_PIXELS];

/** sums[p][o] = sum_c weights[o][c] * input[p][c] for 16 channels. */
KERNEL multiply_16(const pixels_t input, const int8_t *weights, birdnet_tile_t *tile) {
    birdnet_tile_multiply_block(vldrbq_s8(input[0]), vldrbq_s8(input[1]), vldrbq_s8(input[2]),
                                weights, tile);
}

/** The same for 64 channels and neighbouring pixels. The second pixel is at `middle`. */
KERNEL multiply_64(const int8_t *middle, const int8_t *weights, int32_t outputs, int32_t *sums) {
    const int8_t *first = weights;
#pragma GCC unroll 1
    do {
        int32_t s00 = 0;
        int32_t s01 = 0;
        int32_t s10 = 0;
        int32_t s11 = 0;
        int32_t s20 = 0;
        int32_t s21 = 0;
        const int8_t *second = first + 64;
        BIRDNET_MVE_STEP(middle);
#pragma GCC unroll 4
        for (int32_t c = 0; c < 64; c += 16) {
            const int8x16_t w0 = vldrbq_s8(first);
            const int8x16_t w1 = vldrbq_s8(second);
            first += 16;
            second += 16;
            int8x16_t x = vldrbq_s8(middle - 64 + c);
            s00 = c == 0 ? vmladavq_s8(w0, x) : vmladavaq_s8(s00, w0, x);
            s01 = c == 0 ? vmladavq_s8(w1, x) : vmladavaq_s8(s01, w1, x);
            x = vldrbq_s8(middle + c);
            s10 = c == 0 ? vmladavq_s8(w0, x) : vmladavaq_s8(s10, w0, x);
            s11 = c == 0 ? vmladavq_s8(w1, x) : vmladavaq_s8(s11, w1, x);
            x = vldrbq_s8(middle + 64 + c);
            s20 = c == 0 ? vmladavq_s8(w0, x) : vmladavaq_s8(s20, w0, x);
            s21 = c == 0 ? vmladavq_s8(w1, x) : vmladavaq_s8(s21, w1, x);
        }
        birdnet_tile_put(sums, s00, s01, s10, s11, s20, s21);
        first = second;
        sums += 2;
        outputs -= 2;
    } while (outputs > 0);
}

/** The same for any number of channels. */
KERNEL multiply_any(const pixels_t input, const int8_t *weights, int32_t channels,
                    birdnet_tile_t *tile) {
    int32_t *sums = tile->sums[0];
    int32_t pairs = (tile->channels + 1) / 2;
    const int32_t rest = channels % 16;
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
    } while (--pairs > 0);
}

/** `sum` is NULL, or says how `other` is added. */
static void convolve(const birdnet_pointwise_conv2d_t *layer, const int8_t *input,
                     const birdnet_pointwise_conv2d_add_t *sum, const int8_t *other,
                     int8_t *output) {
    const int32_t channels = layer->input_channels;
    const int32_t outputs = layer->output_channels;
    const birdnet_tile_stage_t stage =
        birdnet_tile_stage(layer->bias, layer->multipliers, layer->shifts, outputs, layer->result);
    const birdnet_tile_half_t half =
        sum == NULL ? BIRDNET_TILE_HALF_NONE : birdnet_tile_half(sum, stage.rounding);
    for (int32_t left_pixels = layer->pixels; left_pixels > 0; left_pixels -= BIRDNET_TILE_PIXELS) {
        /* After the last pixel, the last pixel is computed again and stored to the same place. */
        const int32_t pixels =
            left_pixels < BIRDNET_TILE_PIXELS ? left_pixels : BIRDNET_TILE_PIXELS;
        const int32_t second = pixels > 1 ? 1 : 0;
        const int32_t third = pixels - 1;
        const int8_t *const from[] = {input, input + second * channels, input + third * channels};
        const int8_t *const added[] = {other, other + second * outputs, other + third * outputs};
        birdnet_tile_t tile;
        tile.output[0] = output;
        tile.output[1] = output + second * outputs;
        tile.output[2] = output + third * outputs;
        for (int32_t o = 0; o < outputs; o += BIRDNET_TILE_CHANNELS) {
            birdnet_tile_begin(&tile, o, outputs);
            const int8_t *weights = layer->weights + o * channels;
            if (channels == 16) {
                multiply_16(from, weights, &tile);
            } else if (channels == 32) {
                birdnet_tile_multiply_32(from, weights, &tile);
            } else if (channels == 64 && pixels == BIRDNET_TILE_PIXELS) {
                multiply_64(from[1], weights, tile.channels, tile.sums[0]);
            } else if (channels % 16 == 0) {
                birdnet_tile_multiply(from, weights, channels, channels / 16, &tile);
            } else {
                multiply_any(from, weights, channels, &tile);
            }
            if (sum == NULL) {
                birdnet_tile_store(&stage, &tile);
            } else {
                birdnet_tile_store_sum(sum, half, &tile, pixels, added);
            }
        }
        input += BIRDNET_TILE_PIXELS * channels;
        other += BIRDNET_TILE_PIXELS * outputs;
        output += BIRDNET_TILE_PIXELS * outputs;
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
