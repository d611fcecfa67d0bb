/* Starts the NPU, tests itself, says the result again and again, as a terminal may be opened late,
 * and in between answers a host that sends windows: unless the test failed. */
#include "board.h"
#include "console.h"
#include "host_link.h"
#include "inference.h"
#include "platform.h"
#include "protocol.h"
#include "self_test.h"
#include "weights.h"

#include <stdbool.h>

#define REPEAT_MS 5000u /* of silence */

static inference_t inference;
static self_test_report_t report;

static const char *start(void) {
    const char *failure = platform_start();
    return failure != NULL ? failure : weights_check();
}

static _Noreturn void report_failure(const char *failure) {
    for (;;) {
        protocol_begin();
        console_text("self-test FAIL start: ");
        console_text(failure);
        console_text("\n");
        (void)console_read(REPEAT_MS);
    }
}

int main(void) {
    const char *const failure = start();
    if (failure != NULL) {
        report_failure(failure);
    }
    self_test_run(&inference, &report);
    for (;;) {
        protocol_begin();
        protocol_clock(BOARD_CPU_HZ);
        self_test_print_cycles(&report);
        self_test_print_result(&report);
        if (report.outcome == SELF_TEST_PASS) {
            host_link_serve(&inference, REPEAT_MS);
        } else {
            (void)console_read(REPEAT_MS);
        }
    }
}
