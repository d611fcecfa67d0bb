#include "dump.h"

#include "classes.h"
#include "semihosting.h"

#define BUFFER __attribute__((section(".birdnet_buffers")))

bool dump_begin(int32_t file, const inference_t *inference) {
    static const char magic[8] = {'B', 'N', 'D', 'U', 'M', 'P', '0', '2'};
    const uint32_t sizes[] = {BIRDNET_WINDOW_SAMPLES, BIRDNET_FRONTEND_STEPS,
                              BIRDNET_FEATURE_ELEMENTS, BIRDNET_INPUT_ELEMENTS,
                              classes_count(&inference->network)};
    return semihosting_write(file, magic, sizeof magic) &&
           semihosting_write(file, sizes, sizeof sizes);
}

bool dump_place(int32_t file, uint32_t recording, uint32_t window, uint32_t first_sample) {
    const uint32_t place[] = {recording, window, first_sample};
    return semihosting_write(file, place, sizeof place);
}

bool dump_features(int32_t file, const int16_t *pcm) {
    static BUFFER float features[BIRDNET_FEATURE_ELEMENTS];
    static BUFFER double scratch[BIRDNET_FRONTEND_SCRATCH_ELEMENTS];
    for (uint32_t step = 0; step < BIRDNET_FRONTEND_STEPS; ++step) {
        if (birdnet_frontend_step(&birdnet_frontend_config, step, pcm, scratch, features) !=
                BIRDNET_OK ||
            !semihosting_write(file, features, sizeof features)) {
            return false;
        }
    }
    return true;
}

bool dump_input(int32_t file, const inference_t *inference) {
    static BUFFER int8_t input[BIRDNET_INPUT_ELEMENTS];
    return birdnet_network_get_input(&inference->network, input) == BIRDNET_OK &&
           semihosting_write(file, input, sizeof input);
}

bool dump_output(int32_t file, const inference_t *inference) {
    return semihosting_write(file, birdnet_network_output(&inference->network),
                             classes_count(&inference->network));
}
