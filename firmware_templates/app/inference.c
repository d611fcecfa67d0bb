#include "inference.h"

#include "classes.h"

#include <math.h>
#include <stdbool.h>

/* If other hardware computes the network in its own memory, only the front end needs this memory.
 */
#ifndef INFERENCE_ARENA_BYTES
#define INFERENCE_ARENA_BYTES BIRDNET_ARENA_BYTES
#endif

#define BUFFER __attribute__((aligned(32), section(".birdnet_buffers")))

static BUFFER uint8_t arena[INFERENCE_ARENA_BYTES];
static BUFFER double scratch[BIRDNET_FRONTEND_SCRATCH_ELEMENTS];

birdnet_status_t inference_init(inference_t *inference) {
    const birdnet_status_t status = birdnet_network_init(&inference->network, arena, sizeof arena);
#ifdef BIRDNET_SPLIT_HEAD
    if (status != BIRDNET_OK) {
        return status;
    }
    inference->head_status = birdnet_network_use_head(&inference->network, birdnet_head_section(),
                                                      BIRDNET_HEAD_SECTION_BYTES);
    return inference->head_status == BIRDNET_HEAD_OK ? BIRDNET_OK : BIRDNET_ERROR_ARGUMENT;
#else
    return status;
#endif
}

const char *inference_refusal(const inference_t *inference) {
#ifdef BIRDNET_SPLIT_HEAD
    if (inference->head_status != BIRDNET_HEAD_OK) {
        return birdnet_head_status_text(inference->head_status);
    }
#else
    (void)inference;
#endif
    return "the network cannot be initialised";
}

birdnet_status_t inference_features(inference_t *inference, const int16_t *pcm) {
    return birdnet_frontend_feed(&inference->network, pcm, scratch);
}

birdnet_status_t inference_invoke(inference_t *inference) {
    return birdnet_network_invoke(&inference->network);
}

/* In double, so that the float is the same whichever library computes the exponential. */
static inline float logistic(float logit) {
    return (float)(1.0 / (1.0 + exp(-(double)logit)));
}

birdnet_status_t inference_scores(const inference_t *inference, float *scores) {
    const birdnet_status_t status = birdnet_network_dequantize(&inference->network, scores);
#if defined(BIRDNET_SPLIT_HEAD)
    const bool is_logit = inference->network.head.output_is_logit != 0u;
#else
    const bool is_logit = BIRDNET_OUTPUT_IS_LOGIT != 0;
#endif
    const uint32_t classes = classes_count(&inference->network);
    for (uint32_t i = 0; is_logit && status == BIRDNET_OK && i < classes; ++i) {
        scores[i] = logistic(scores[i]);
    }
    return status;
}

#ifndef BIRDNET_SPLIT_HEAD
float inference_probability(int8_t output) {
    const float value = BIRDNET_OUTPUT_SCALE * (float)(output - BIRDNET_OUTPUT_ZERO_POINT);
#if BIRDNET_OUTPUT_IS_LOGIT
    return logistic(value);
#else
    return value;
#endif
}
#endif

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
