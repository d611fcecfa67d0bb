/**
 * @file
 * Sum and difference on Helium. They differ in one sign only.
 */
#ifndef BIRDNET_SUM_MVE_H
#define BIRDNET_SUM_MVE_H

#include "birdnet_kernels.h"

/** An operand: row-major, or one value for a whole row. */
typedef struct {
    int32_t stride; /**< 1 or 0 */
    int32_t zero_point;
    birdnet_scale_t scale;
} birdnet_operand_t;

/** Values that are the same for all rows. */
typedef struct {
    birdnet_operand_t a;
    birdnet_operand_t b;
    int32_t sign; /**< sign of the second operand: 1, or -1 for a difference */
    birdnet_scale_t scale;
    birdnet_output_t result;
} birdnet_sum_t;

static inline birdnet_sum_t birdnet_sum(const birdnet_add_t *layer, int32_t sign) {
    return (birdnet_sum_t){
        .a = {layer->shape.first_strides[3], layer->first_zero_point, layer->first_scale},
        .b = {layer->shape.second_strides[3], layer->second_zero_point, layer->second_scale},
        .sign = sign,
        .scale = layer->result_scale,
        .result = layer->result,
    };
}

/** One row of any sum: output = requantize(x' + sign * y'). */
void birdnet_sum_row(const birdnet_sum_t *sum, const int8_t *x, const int8_t *y, int32_t count,
                     int8_t *output);

#endif
