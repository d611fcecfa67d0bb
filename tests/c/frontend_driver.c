/*
 * Reads windows of PCM (int16) and writes for each what every step of the front end leaves behind:
 * BIRDNET_FRONTEND_STEPS times the features in float32. Exits with 1 on what it cannot read or
 * write, with 2 when the front end contradicts itself or accepts bad arguments, with 3 when the
 * int8 that it makes frame by frame are not those of the floats.
 *
 *     frontend_driver PCM FLOATS
 */
#include <stdio.h>
#include <string.h>

#include "birdnet_frontend_config.h"
#include "runtime/birdnet_kernels.h"

/* Of exactly the documented sizes, so that the sanitizer sees one element too many. */
static int16_t pcm[BIRDNET_WINDOW_SAMPLES];
static double scratch[BIRDNET_FRONTEND_SCRATCH_ELEMENTS];
static float steps[BIRDNET_FEATURE_ELEMENTS];
static float whole[BIRDNET_FEATURE_ELEMENTS];

static int8_t quantized[BIRDNET_FEATURE_ELEMENTS];
static _Alignas(16) int8_t arena[BIRDNET_ARENA_BYTES];
static const birdnet_network_t network = {.arena = arena};

static const birdnet_frontend_config_t *const config = &birdnet_frontend_config;

static int refuses(birdnet_status_t status) {
    return status == BIRDNET_ERROR_ARGUMENT;
}

static int refuses_bad_arguments(void) {
    const size_t scratch_elements = BIRDNET_FRONTEND_SCRATCH_ELEMENTS;
    const size_t needed = config->scratch_elements;
    return refuses(birdnet_frontend_run(NULL, pcm, scratch, scratch_elements, whole)) &&
           refuses(birdnet_frontend_run(config, NULL, scratch, scratch_elements, whole)) &&
           refuses(birdnet_frontend_run(config, pcm, scratch, scratch_elements, NULL)) &&
           refuses(birdnet_frontend_compress(config, NULL)) &&
           refuses(birdnet_frontend_normalize(config, NULL)) &&
           refuses(birdnet_frontend_shift(config, NULL)) &&
           refuses(birdnet_frontend_step(NULL, 0, pcm, scratch, whole)) &&
           refuses(birdnet_frontend_step(config, BIRDNET_FRONTEND_STEPS, pcm, scratch, whole)) &&
           (needed == 0 || (refuses(birdnet_frontend_run(config, pcm, NULL, needed, whole)) &&
                            birdnet_frontend_run(config, pcm, scratch, needed - 1, whole) ==
                                BIRDNET_ERROR_MEMORY));
}

static int feeding_refuses_bad_arguments(void) {
    const birdnet_network_t none = {.arena = NULL};
    const size_t needed = config->scratch_elements;
    return refuses(birdnet_frontend_feed(NULL, pcm, scratch)) &&
           refuses(birdnet_frontend_feed(&none, pcm, scratch)) &&
           refuses(birdnet_frontend_feed(&network, NULL, scratch)) &&
           (needed == 0 || refuses(birdnet_frontend_feed(&network, pcm, NULL)));
}

/* Steps of the other kind, which would misread the features. */
static int refuses_other_steps(void) {
    if (config->mixer == NULL) {
        return refuses(birdnet_frontend_mix(config, pcm, scratch, whole)) &&
               refuses(birdnet_frontend_shift(config, whole));
    }
    return refuses(birdnet_frontend_magnitude(config, pcm, scratch, whole)) &&
           refuses(birdnet_frontend_compress(config, whole)) &&
           refuses(birdnet_frontend_normalize(config, whole));
}

/* Whether the network's input is what quantizing all floats gives. */
static int fed_as_floats(void) {
    const birdnet_affine_t scale = {.elements = BIRDNET_FEATURE_ELEMENTS,
                                    .scale = BIRDNET_INPUT_SCALE,
                                    .zero_point = BIRDNET_INPUT_ZERO_POINT};
    memset(arena, 77, sizeof arena);
    if (birdnet_frontend_feed(&network, pcm, scratch) != BIRDNET_OK ||
        birdnet_quantize(&scale, whole, quantized) != BIRDNET_OK) {
        return 0;
    }
    for (uint32_t i = 0; i < BIRDNET_FEATURE_ELEMENTS; ++i) {
        if (birdnet_network_input(&network)[birdnet_network_input_place(i)] != quantized[i]) {
            return 0;
        }
    }
    return 1;
}

int main(int argc, char **argv) {
    FILE *const input = argc == 3 ? fopen(argv[1], "rb") : NULL;
    FILE *const output = argc == 3 ? fopen(argv[2], "wb") : NULL;
    if (input == NULL || output == NULL) {
        return 1;
    }
    if (!refuses_bad_arguments() || !feeding_refuses_bad_arguments() || !refuses_other_steps()) {
        return 2;
    }
    while (fread(pcm, sizeof pcm, 1, input) == 1) {
        for (uint32_t step = 0; step < BIRDNET_FRONTEND_STEPS; ++step) {
            if (birdnet_frontend_step(config, step, pcm, scratch, steps) != BIRDNET_OK) {
                return 2;
            }
            if (fwrite(steps, sizeof steps, 1, output) != 1) {
                return 1;
            }
        }
        if (birdnet_frontend_run(config, pcm, scratch, BIRDNET_FRONTEND_SCRATCH_ELEMENTS, whole) !=
                BIRDNET_OK ||
            memcmp(steps, whole, sizeof whole) != 0) {
            return 2;
        }
        if (!fed_as_floats()) {
            return 3;
        }
    }
    fclose(input);
    return fclose(output) == 0 ? 0 : 1;
}
