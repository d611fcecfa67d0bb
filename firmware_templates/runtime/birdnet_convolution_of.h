/**
 * @file
 * The convolution that is part of a fused convolution and sum.
 */
#ifndef BIRDNET_CONVOLUTION_OF_H
#define BIRDNET_CONVOLUTION_OF_H

#include "birdnet_kernels.h"

static inline birdnet_pointwise_conv2d_t
birdnet_convolution_of(const birdnet_pointwise_conv2d_add_t *layer) {
    return (birdnet_pointwise_conv2d_t){
        .pixels = layer->pixels,
        .input_channels = layer->input_channels,
        .output_channels = layer->output_channels,
        .result = layer->result,
        .weights = layer->weights,
        .bias = layer->bias,
        .multipliers = layer->multipliers,
        .shifts = layer->shifts,
    };
}

#endif
