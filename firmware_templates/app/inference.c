#include "inference.h"

#include <math.h>
#include <stdbool.h>

/* Less where whoever computes the network brings its own memory. */
#ifndef INFERENCE_ARENA_BYTES
#define INFERENCE_ARENA_BYTES BIRDNET_ARENA_BYTES
#endif

#define BUFFER __attribute__((aligned(32), section(".birdnet_buffers")))

static BUFFER uint8_t arena[INFERENCE_ARENA_BYTES];
static BUFFER float features[BIRDNET_FEATURE_ELEMENTS];
static BUFFER double scratch[BIRDNET_FRONTEND_SCRATCH_ELEMENTS];

birdnet_status_t inference_init(inference_t *inference) {
    return birdnet_network_init(&inference->network, arena, sizeof arena);
}

birdnet_status_t inference_step(inference_t *inference, uint32_t step, const int16_t *pcm) {
    const birdnet_status_t status =
        birdnet_frontend_step(&birdnet_frontend_config, step, pcm, scratch, features);
    const bool last = step + 1u == BIRDNET_FRONTEND_STEPS;
    return status == BIRDNET_OK && last ? birdnet_network_quantize(&inference->network, features)
                                        : status;
}

birdnet_status_t inference_features(inference_t *inference, const int16_t *pcm) {
    birdnet_status_t status = BIRDNET_OK;
    for (uint32_t step = 0; status == BIRDNET_OK && step < BIRDNET_FRONTEND_STEPS; ++step) {
        status = inference_step(inference, step, pcm);
    }
    return status;
}

const float *inference_feature_values(const inference_t *inference) {
    (void)inference;
    return features;
}

birdnet_status_t inference_invoke(inference_t *inference) {
    return birdnet_network_invoke(&inference->network);
}

birdnet_status_t inference_scores(const inference_t *inference, float *scores) {
    const birdnet_status_t status = birdnet_network_dequantize(&inference->network, scores);
#if BIRDNET_OUTPUT_IS_LOGIT
    for (uint32_t i = 0; status == BIRDNET_OK && i < BIRDNET_OUTPUT_ELEMENTS; ++i) {
        scores[i] = 1.0f / (1.0f + expf(-scores[i]));
    }
#endif
    return status;
}

float inference_probability(int8_t output) {
    const float value = BIRDNET_OUTPUT_SCALE * (float)(output - BIRDNET_OUTPUT_ZERO_POINT);
#if BIRDNET_OUTPUT_IS_LOGIT
    return 1.0f / (1.0f + expf(-value));
#else
    return value;
#endif
}

birdnet_status_t inference_run(inference_t *inference, const int16_t *pcm, float *scores) {
    birdnet_status_t status = inference_features(inference, pcm);
    if (status == BIRDNET_OK) {
        status = inference_invoke(inference);
    }
    if (status == BIRDNET_OK) {
        status = inference_scores(inference, scores);
    }
    return status;
}
