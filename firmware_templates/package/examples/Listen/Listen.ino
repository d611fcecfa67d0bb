// Hears one window of silence and prints the probability of each class on the serial monitor.
// Replace the silence by the samples of a microphone: see ring_buffer/main.c beside this sketch.
#include <birdnet.h>

alignas(BIRDNET_ARENA_ALIGNMENT) static int8_t arena[BIRDNET_ARENA_BYTES];
static double scratch[BIRDNET_FRONTEND_SCRATCH_ELEMENTS];
static int16_t window[BIRDNET_WINDOW_SAMPLES];
static float probabilities[BIRDNET_OUTPUT_ELEMENTS];
static birdnet_t birdnet;

void setup() {
    Serial.begin(115200);
    if (birdnet_init(&birdnet, arena, sizeof arena, scratch) != BIRDNET_OK) {
        Serial.println("The network cannot be prepared.");
    }
}

void loop() {
    if (birdnet_hear(&birdnet, window, probabilities) != BIRDNET_OK) {
        Serial.println("The network failed.");
        return;
    }
    for (uint32_t i = 0; i < birdnet_class_count(&birdnet); ++i) {
        Serial.print(probabilities[i], 3);
        Serial.print("  ");
        Serial.println(birdnet_class_name(&birdnet, i));
    }
}
