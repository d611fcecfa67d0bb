/**
 * @file
 * Code that the convolutions for Helium share: the sums of a tile of pixels, and how they are
 * stored.
 *
 * A tile is three pixels by up to 64 output channels. It is computed in pairs of channels: five
 * loads are enough for six products of 16 values each, and every sum has a core register.
 */
#ifndef BIRDNET_TILE_MVE_H
#define BIRDNET_TILE_MVE_H

#include "birdnet_mve.h"

enum { BIRDNET_TILE_PIXELS = 3, BIRDNET_TILE_CHANNELS = 64 };

/** Three pixels by some channels of the output. */
typedef struct {
    int32_t sums[BIRDNET_TILE_PIXELS][BIRDNET_TILE_CHANNELS]; /**< sums without the bias */
    int32_t first;                       /**< number of the first channel in the layer */
    int32_t channels;                    /**< number of channels, 1 to 64 */
    int8_t *output[BIRDNET_TILE_PIXELS]; /**< address of channel 0 of each pixel */
} birdnet_tile_t;

/** How sums become results. */
typedef struct {
    const int32_t *bias;
    const int32_t *multipliers;
    const int8_t *shifts;
    birdnet_output_t result;
    birdnet_rounding_t rounding;
    bool saturated; /**< a ReLU whose only clamping is the saturation to int8_t */
} birdnet_tile_stage_t;

/** The stage of a layer, from its arrays with one value for each channel. */
birdnet_tile_stage_t birdnet_tile_stage(const int32_t *bias, const int32_t *multipliers,
                                        const int8_t *shifts, int32_t channels,
                                        birdnet_output_t result);

/** Sets a tile to the channels from `first` on. The layer has `outputs` channels. */
static inline void birdnet_tile_begin(birdnet_tile_t *tile, int32_t first, int32_t outputs) {
    const int32_t left = outputs - first;
    tile->first = first;
    tile->channels = left < BIRDNET_TILE_CHANNELS ? left : BIRDNET_TILE_CHANNELS;
}

/** Requantizes and stores a tile. */
void birdnet_tile_store(const birdnet_tile_stage_t *stage, const birdnet_tile_t *tile);

/** Which operand of a sum has the factor 1/2, if that and the shifts of the layer save work.
 */
typedef enum {
    BIRDNET_TILE_HALF_NONE,
    BIRDNET_TILE_HALF_OWN,
    BIRDNET_TILE_HALF_OTHER,
} birdnet_tile_half_t;

birdnet_tile_half_t birdnet_tile_half(const birdnet_pointwise_conv2d_add_t *layer,
                                      birdnet_rounding_t rounding);

/**
 * birdnet_tile_store(), plus another activation: birdnet_pointwise_conv2d_add().
 *
 * @param layer  parameters of the convolution and the sum
 * @param half   which operand of the layer has the factor 1/2
 * @param tile   its output may be the same as `others`
 * @param pixels number of pixels, 1 to 3. In place, the sum of a pixel must not be computed twice
 * @param others for each pixel, the address of channel 0 of the added activation
 */
void birdnet_tile_store_sum(const birdnet_pointwise_conv2d_add_t *layer, birdnet_tile_half_t half,
                            const birdnet_tile_t *tile, int32_t pixels,
                            const int8_t *const others[BIRDNET_TILE_PIXELS]);

/**
 * The sums of a tile over vectors of 16 values: sums[p][o] = weights[o] . input[p].
 *
 * @param input   values of each pixel
 * @param weights weights of the first channel of the tile; an even number of channels is read
 * @param stride  from the weights of a channel to those of the next
 * @param blocks  number of vectors, at least 1
 * @param tile    its sums are written
 */
void birdnet_tile_multiply(const int8_t *const input[BIRDNET_TILE_PIXELS], const int8_t *weights,
                           int32_t stride, int32_t blocks, birdnet_tile_t *tile);

/** The same, but adds to the sums of the tile. */
void birdnet_tile_multiply_more(const int8_t *const input[BIRDNET_TILE_PIXELS],
                                const int8_t *weights, int32_t stride, int32_t blocks,
                                birdnet_tile_t *tile);

/** birdnet_tile_multiply() of two vectors of each pixel, which stay in registers. */
void birdnet_tile_multiply_32(const int8_t *const input[BIRDNET_TILE_PIXELS], const int8_t *weights,
                              birdnet_tile_t *tile);

/** birdnet_tile_multiply() of one vector of each pixel, which stays in its register. */
static inline __attribute__((always_inline)) void
birdnet_tile_multiply_block(int8x16_t x0, int8x16_t x1, int8x16_t x2, const int8_t *weights,
                            birdnet_tile_t *tile) {
    int32_t *sums = tile->sums[0];
    int32_t pairs = (tile->channels + 1) / 2;
#pragma GCC unroll 1
    do {
        const int8x16_t w0 = vldrbq_s8(weights);
        weights += 16;
        BIRDNET_MVE_STEP(weights);
        const int8x16_t w1 = vldrbq_s8(weights);
        weights += 16;
        const int32_t s00 = vmladavq_s8(w0, x0);
        const int32_t s01 = vmladavq_s8(w1, x0);
        sums[0] = s00;
        sums[1] = s01;
        const int32_t s10 = vmladavq_s8(w0, x1);
        const int32_t s11 = vmladavq_s8(w1, x1);
        sums[BIRDNET_TILE_CHANNELS] = s10;
        sums[BIRDNET_TILE_CHANNELS + 1] = s11;
        const int32_t s20 = vmladavq_s8(w0, x2);
        const int32_t s21 = vmladavq_s8(w1, x2);
        sums[2 * BIRDNET_TILE_CHANNELS] = s20;
        sums[2 * BIRDNET_TILE_CHANNELS + 1] = s21;
        sums += 2;
    } while (--pairs > 0);
}

/** Sums of two channels for the three pixels. */
static inline void birdnet_tile_put(int32_t *sums, int32_t s00, int32_t s01, int32_t s10,
                                    int32_t s11, int32_t s20, int32_t s21) {
    sums[0] = s00;
    sums[1] = s01;
    sums[BIRDNET_TILE_CHANNELS] = s10;
    sums[BIRDNET_TILE_CHANNELS + 1] = s11;
    sums[2 * BIRDNET_TILE_CHANNELS] = s20;
    sums[2 * BIRDNET_TILE_CHANNELS + 1] = s21;
}

#endif
