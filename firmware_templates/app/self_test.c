#include "self_test.h"

#include "birdnet_test_vectors.h"
#include "console.h"

#include <stdbool.h>
#include <string.h>

#ifndef SELF_TEST_EXACT
#define SELF_TEST_EXACT 1
#endif

#define VALUE_DECIMALS 6u

_Static_assert(BIRDNET_TEST_VECTOR_COUNT > 0u, "a test of nothing passes");
static bool fail(self_test_report_t *report, self_test_outcome_t outcome, uint32_t element,
                 float expected, float actual) {
    report->outcome = outcome;
    report->element = element;
    report->expected = expected;
    report->actual = actual;
    return false;
}

static bool step_done(self_test_report_t *report, birdnet_status_t status) {
    if (status != BIRDNET_OK) {
        report->outcome = SELF_TEST_NOT_RUN;
        report->status = status;
    }
    return status == BIRDNET_OK;
}

static bool inputs_agree(const inference_t *inference, self_test_report_t *report,
                         const birdnet_test_vector_t *vector) {
    const int8_t *const input = birdnet_network_input(&inference->network);
    uint32_t differing = 0;
    for (uint32_t i = 0; i < BIRDNET_INPUT_ELEMENTS; ++i) {
        const int32_t actual = input[birdnet_network_input_place(i)];
        const int32_t expected = vector->quantized_input[i];
        if (actual == expected) {
            continue;
        }
        ++differing;
        if (actual - expected > 1 || expected - actual > 1) {
            return fail(report, SELF_TEST_FRONT_END, i, (float)expected, (float)actual);
        }
    }
    if (differing > BIRDNET_TEST_MAX_DIFFERING) {
        return fail(report, SELF_TEST_MANY, 0u, 0.0f, 0.0f);
    }
    if (differing > report->inputs_differing) {
        report->inputs_differing = differing;
    }
    return true;
}

#if SELF_TEST_EXACT
static bool values_agree(self_test_report_t *report, const int8_t *actual, const int8_t *expected,
                         uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
        if (actual[i] != expected[i]) {
            return fail(report, SELF_TEST_NETWORK, i, (float)expected[i], (float)actual[i]);
        }
    }
    return true;
}

#ifdef BIRDNET_SPLIT_HEAD
/* The stored outputs are those of the head that the firmware was built with. */
static bool outputs_agree(inference_t *inference, self_test_report_t *report,
                          const birdnet_test_vector_t *vector) {
    const birdnet_network_t *const network = &inference->network;
    if (!values_agree(report, birdnet_network_backbone_output(network), vector->backbone_output,
                      BIRDNET_BACKBONE_ELEMENTS)) {
        return false;
    }
    return network->head.crc32 != birdnet_head_built_in_crc32 ||
           values_agree(report, birdnet_network_output(network), vector->output,
                        BIRDNET_TEST_CLASSES);
}
#else
static bool outputs_agree(inference_t *inference, self_test_report_t *report,
                          const birdnet_test_vector_t *vector) {
    return values_agree(report, birdnet_network_output(&inference->network), vector->output,
                        BIRDNET_OUTPUT_ELEMENTS);
}
#endif

/* Outputs that are equal to the stored ones differ when the stored ones differ. */
static void compare_windows(self_test_report_t *report) {
    (void)report;
}
#else
static int8_t outputs[BIRDNET_TEST_VECTOR_COUNT][BIRDNET_OUTPUT_ELEMENTS];

static bool outputs_agree(inference_t *inference, self_test_report_t *report,
                          const birdnet_test_vector_t *vector) {
    static float actual[BIRDNET_OUTPUT_ELEMENTS];
    static float expected[BIRDNET_OUTPUT_ELEMENTS];
    memcpy(outputs[report->vectors], birdnet_network_output(&inference->network),
           BIRDNET_OUTPUT_ELEMENTS);
    for (uint32_t i = 0; i < BIRDNET_OUTPUT_ELEMENTS; ++i) {
        actual[i] = inference_probability(outputs[report->vectors][i]);
        expected[i] = inference_probability(vector->output[i]);
    }
    report->agreement = agreement_of(actual, expected, BIRDNET_OUTPUT_ELEMENTS);
    if (!agreement_suffices(&report->agreement)) {
        report->outcome = SELF_TEST_AGREEMENT;
    }
    return report->outcome == SELF_TEST_PASS;
}

/* Looks for two windows that have different stored outputs and also different computed outputs. */
static void compare_windows(self_test_report_t *report) {
    report->outcome = SELF_TEST_POINTLESS;
    for (uint32_t i = 1; i < BIRDNET_TEST_VECTOR_COUNT; ++i) {
        if (memcmp(birdnet_test_vectors[i].output, birdnet_test_vectors[0].output,
                   BIRDNET_OUTPUT_ELEMENTS) != 0) {
            const bool differ = memcmp(outputs[i], outputs[0], BIRDNET_OUTPUT_ELEMENTS) != 0;
            report->outcome = differ ? SELF_TEST_PASS : SELF_TEST_CONSTANT;
            return;
        }
    }
}
#endif

static void take_longest(uint32_t *longest, uint32_t begin) {
    const uint32_t cycles = self_test_cycles() - begin;
    if (cycles > *longest) {
        *longest = cycles;
    }
}

static bool front_end_passes(inference_t *inference, self_test_report_t *report,
                             const birdnet_test_vector_t *vector) {
    const uint32_t begin = self_test_cycles();
    const birdnet_status_t status = inference_features(inference, vector->pcm);
    take_longest(&report->front_end_cycles, begin);
    return step_done(report, status) && inputs_agree(inference, report, vector);
}

static bool network_passes(inference_t *inference, self_test_report_t *report,
                           const birdnet_test_vector_t *vector) {
    if (!step_done(report,
                   birdnet_network_set_input(&inference->network, vector->quantized_input))) {
        return false;
    }
    const uint32_t begin = self_test_cycles();
    const birdnet_status_t status = inference_invoke(inference);
    take_longest(&report->network_cycles, begin);
    return step_done(report, status) && outputs_agree(inference, report, vector);
}

void self_test_run(inference_t *inference, self_test_report_t *report) {
    *report = (self_test_report_t){.outcome = SELF_TEST_PASS};
    if (!step_done(report, inference_init(inference))) {
        return;
    }
    for (; report->vectors < BIRDNET_TEST_VECTOR_COUNT; ++report->vectors) {
        const birdnet_test_vector_t *vector = &birdnet_test_vectors[report->vectors];
        if (!front_end_passes(inference, report, vector) ||
            !network_passes(inference, report, vector)) {
            return;
        }
    }
    compare_windows(report);
}

void self_test_print_cycles(const self_test_report_t *report) {
    console_text("self-test front-end ");
    console_unsigned(report->front_end_cycles);
    console_text(" cycles, ");
    console_unsigned(report->inputs_differing);
    console_text(" inputs off by one\nself-test network ");
    console_unsigned(report->network_cycles);
    console_text(" cycles\n");
}

static void print_agreement(const agreement_t *agreement) {
    console_text("outputs agree to cosine ");
    console_fixed(agreement->cosine, VALUE_DECIMALS);
    console_text(", mean error ");
    console_fixed(agreement->mean_error, VALUE_DECIMALS);
    console_text(", largest is ");
    console_unsigned(agreement->top);
    console_text(", expected ");
    console_unsigned(agreement->expected_top);
}

static void print_difference(const self_test_report_t *report, const char *what,
                             uint32_t decimals) {
    console_text(what);
    console_unsigned(report->element);
    console_text(" is ");
    console_fixed(report->actual, decimals);
    console_text(", expected ");
    console_fixed(report->expected, decimals);
}

void self_test_print_result(const self_test_report_t *report) {
    if (report->outcome == SELF_TEST_PASS) {
        console_text("self-test PASS ");
        console_unsigned(report->vectors);
        console_text(" windows\n");
        return;
    }
    if (report->vectors < BIRDNET_TEST_VECTOR_COUNT) {
        console_text("self-test FAIL window ");
        console_unsigned(report->vectors);
        console_text(": ");
    } else {
        console_text("self-test FAIL all windows: ");
    }
    switch (report->outcome) {
    case SELF_TEST_FRONT_END:
        print_difference(report, "network input ", 0u);
        break;
    case SELF_TEST_MANY:
        console_text("more than ");
        console_unsigned(BIRDNET_TEST_MAX_DIFFERING);
        console_text(" network inputs are off by one");
        break;
    case SELF_TEST_NETWORK:
        print_difference(report, "network output ", 0u);
        break;
    case SELF_TEST_AGREEMENT:
        print_agreement(&report->agreement);
        break;
    case SELF_TEST_CONSTANT:
        console_text("different windows give equal outputs");
        break;
    case SELF_TEST_POINTLESS:
        console_text("all stored outputs are equal and prove nothing");
        break;
    case SELF_TEST_NOT_RUN:
    case SELF_TEST_PASS:
        console_text("a step ended with status ");
        console_unsigned((uint32_t)report->status);
        console_text(report->status == BIRDNET_ERROR_TIMEOUT ? ", a time-out" : "");
        break;
    }
    console_text("\n");
}
