/*
 * Reads windows of PCM (int16) and writes for each what every step of the front end leaves behind:
 * three spectrograms of float32. Exits with 1 on what it cannot read or write, with 2 when the
 * front end contradicts itself or accepts bad arguments.
 *
 *     frontend_driver PCM FLOATS
 */
#include <stdio.h>
#include <string.h>

#include "birdnet_frontend_config.h"

/* Of exactly the documented sizes, so that the sanitizer sees one element too many. */
static int16_t pcm[BIRDNET_WINDOW_SAMPLES];
static float scratch[BIRDNET_FRONTEND_SCRATCH_ELEMENTS];
static float steps[BIRDNET_FEATURE_ELEMENTS];
static float whole[BIRDNET_FEATURE_ELEMENTS];

static int write_steps(FILE *file) {
    return fwrite(steps, sizeof steps, 1, file) == 1;
}

static int refuses_bad_arguments(void) {
    const birdnet_frontend_config_t *const config = &birdnet_frontend_config;
    const size_t scratch_elements = BIRDNET_FRONTEND_SCRATCH_ELEMENTS;
    const size_t needed = config->scratch_elements;
    return birdnet_frontend_run(NULL, pcm, scratch, scratch_elements, whole) ==
               BIRDNET_ERROR_ARGUMENT &&
           birdnet_frontend_run(config, NULL, scratch, scratch_elements, whole) ==
               BIRDNET_ERROR_ARGUMENT &&
           birdnet_frontend_run(config, pcm, scratch, scratch_elements, NULL) ==
               BIRDNET_ERROR_ARGUMENT &&
           birdnet_frontend_compress(config, NULL) == BIRDNET_ERROR_ARGUMENT &&
           birdnet_frontend_normalize(config, NULL) == BIRDNET_ERROR_ARGUMENT &&
           (needed == 0 ||
            (birdnet_frontend_run(config, pcm, NULL, needed, whole) == BIRDNET_ERROR_ARGUMENT &&
             birdnet_frontend_run(config, pcm, scratch, needed - 1, whole) ==
                 BIRDNET_ERROR_MEMORY));
}

int main(int argc, char **argv) {
    const birdnet_frontend_config_t *const config = &birdnet_frontend_config;
    FILE *const input = argc == 3 ? fopen(argv[1], "rb") : NULL;
    FILE *const output = argc == 3 ? fopen(argv[2], "wb") : NULL;
    if (input == NULL || output == NULL) {
        return 1;
    }
    if (!refuses_bad_arguments()) {
        return 2;
    }
    while (fread(pcm, sizeof pcm, 1, input) == 1) {
        if (birdnet_frontend_magnitude(config, pcm, scratch, steps) != BIRDNET_OK) {
            return 2;
        }
        if (!write_steps(output)) {
            return 1;
        }
        if (birdnet_frontend_compress(config, steps) != BIRDNET_OK) {
            return 2;
        }
        if (!write_steps(output)) {
            return 1;
        }
        if (birdnet_frontend_normalize(config, steps) != BIRDNET_OK) {
            return 2;
        }
        if (!write_steps(output)) {
            return 1;
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
