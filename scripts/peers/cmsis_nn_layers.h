/* What the generated network calls where CMSIS-NN has the operator: the arguments from constant
 * structs, scratch memory of the size that CMSIS-NN asks for. Included before everything else. */
#ifndef CMSIS_NN_LAYERS_H
#define CMSIS_NN_LAYERS_H

#include "arm_nnfunctions.h"
#include "birdnet_kernels.h"

/** CONV_2D and DEPTHWISE_CONV_2D. */
typedef struct {
    int32_t input_offset;
    int32_t output_offset;
    cmsis_nn_tile stride;
    cmsis_nn_tile padding;
    cmsis_nn_activation activation;
    cmsis_nn_dims input;
    cmsis_nn_dims filter; /**< of the weights, as the file has them */
    cmsis_nn_dims output;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multipliers;
    const int32_t *shifts;
} cmsis_convolution_t;

/** FULLY_CONNECTED. */
typedef struct {
    int32_t input_offset;
    int32_t output_offset;
    cmsis_nn_activation activation;
    int32_t rows;
    int32_t inputs;
    int32_t outputs;
    int32_t is_per_channel;
    const int8_t *weights; /**< [outputs, inputs] */
    const int32_t *bias;
    const int32_t *sums; /**< what arm_vector_sum_s8() would give, computed in advance */
    const int32_t *multipliers;
    const int32_t *shifts;
} cmsis_fully_connected_t;

/** TRANSPOSE, dimensions of size 1 left out. */
typedef struct {
    int32_t rank;
    cmsis_nn_dims input;
    cmsis_nn_dims output;
    uint32_t permutation[4];
} cmsis_transpose_t;

/** One operand of CONCATENATION, along the innermost dimension. */
typedef struct {
    uint16_t input_x;
    uint16_t rows;
    uint16_t output_x;
    uint32_t offset_x;
} cmsis_concatenation_t;

/** PAD. */
typedef struct {
    int32_t value;
    cmsis_nn_dims input;
    cmsis_nn_dims before;
    cmsis_nn_dims after;
} cmsis_pad_t;

/** MAXIMUM and MINIMUM. */
typedef struct {
    cmsis_nn_dims first;
    cmsis_nn_dims second;
    cmsis_nn_dims output;
} cmsis_extremum_t;

birdnet_status_t cmsis_convolve(const cmsis_convolution_t *layer, const int8_t *input,
                                int8_t *output);
birdnet_status_t cmsis_depthwise(const cmsis_convolution_t *layer, const int8_t *input,
                                 int8_t *output);
birdnet_status_t cmsis_fully_connected(const cmsis_fully_connected_t *layer, const int8_t *input,
                                       int8_t *output);
birdnet_status_t cmsis_average_pool(const birdnet_pool_t *layer, const int8_t *input,
                                    int8_t *output);
birdnet_status_t cmsis_max_pool(const birdnet_pool_t *layer, const int8_t *input, int8_t *output);
birdnet_status_t cmsis_transpose(const cmsis_transpose_t *layer, const int8_t *input,
                                 int8_t *output);
birdnet_status_t cmsis_concatenate(const cmsis_concatenation_t *layer, const int8_t *input,
                                   int8_t *output);
birdnet_status_t cmsis_pad(const cmsis_pad_t *layer, const int8_t *input, int8_t *output);
birdnet_status_t cmsis_maximum(const cmsis_extremum_t *layer, const int8_t *first,
                               const int8_t *second, int8_t *output);
birdnet_status_t cmsis_minimum(const cmsis_extremum_t *layer, const int8_t *first,
                               const int8_t *second, int8_t *output);

/** ADD and MUL, a call for each row where an operand is broadcast. */
birdnet_status_t cmsis_add(const birdnet_add_t *layer, const int8_t *first, const int8_t *second,
                           int8_t *output);
birdnet_status_t cmsis_multiply(const birdnet_multiply_t *layer, const int8_t *first,
                                const int8_t *second, int8_t *output);

#endif
