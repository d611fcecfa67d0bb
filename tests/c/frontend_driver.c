/*
 * Reads windows of PCM (int16) and writes for each what every step of the front end leaves behind:
 * BIRDNET_FRONTEND_STEPS times the features in float32. Exits with 1 on what it cannot read or
 * write, with 2 when the front end contradicts itself or accepts bad arguments.
 *
 *     frontend_driver PCM FLOATS
 */
#include <stdio.h>
#include <string.h>

#include "birdnet_frontend_config.h"

/* Of exactly the documented sizes, so that the sanitizer sees one element too many. */
static int16_t pcm[BIRDNET_WINDOW_SAMPLES];
static double scratch[BIRDNET_FRONTEND_SCRATCH_ELEMENTS];
static float steps[BIRDNET_FEATURE_ELEMENTS];
static float whole[BIRDNET_FEATURE_ELEMENTS];

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

int main(int argc, char **argv) {
    FILE *const input = argc == 3 ? fopen(argv[1], "rb") : NULL;
    FILE *const output = argc == 3 ? fopen(argv[2], "wb") : NULL;
    if (input == NULL || output == NULL) {
        return 1;
    }
    if (!refuses_bad_arguments() || !refuses_other_steps()) {
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
    }
    fclose(input);
    return fclose(output) == 0 ? 0 : 1;
}
