/**
 * @file
 * What the convolutions for Helium share: sums of a tile of pixels, and how they are stored.
 *
 * A tile is three pixels by up to 64 output channels, in pairs of channels: five loads serve six
 * products of 16 values each, and every sum has a core register.
 */
#ifndef BIRDNET_TILE_MVE_H
#define BIRDNET_TILE_MVE_H

#include "birdnet_mve.h"

enum { BIRDNET_TILE_PIXELS = 3, BIRDNET_TILE_CHANNELS = 64 };

/** Sums of a tile without the bias, those of a pixel together. */
typedef struct {
    int32_t of[BIRDNET_TILE_PIXELS][BIRDNET_TILE_CHANNELS];
} birdnet_tile_sums_t;

/** How sums become results. */
typedef struct {
    const int32_t *bias;
    const int32_t *multipliers;
    const int8_t *shifts;
    birdnet_output_t result;
    birdnet_rounding_t rounding;
} birdnet_tile_stage_t;

/**
 * Requantizes and stores the first channels of a tile.
 *
 * @param stage    of the layer
 * @param sums     of the tile
 * @param first    which channel of the layer the tile's first is
 * @param channels how many, 1 to 64
 * @param output   where channel 0 of the layer is, for each pixel
 */
void birdnet_tile_store(const birdnet_tile_stage_t *stage, const birdnet_tile_sums_t *sums,
                        int32_t first, int32_t channels, int8_t *const output[BIRDNET_TILE_PIXELS]);

/**
 * The same, plus another activation: birdnet_pointwise_conv2d_add().
 *
 * @param layer    the sum
 * @param stage    of the convolution
 * @param sums     of the tile
 * @param first    which channel of the layer the tile's first is
 * @param channels how many, 1 to 64
 * @param other    where channel 0 of what is added is, for each pixel
 * @param output   where channel 0 of the layer is; may be `other`
 */
void birdnet_tile_store_sum(const birdnet_pointwise_conv2d_add_t *layer,
                            const birdnet_tile_stage_t *stage, const birdnet_tile_sums_t *sums,
                            int32_t first, int32_t channels,
                            const int8_t *const other[BIRDNET_TILE_PIXELS],
                            int8_t *const output[BIRDNET_TILE_PIXELS]);

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
