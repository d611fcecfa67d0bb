/* Tests itself and says the result again and again, as a terminal may be opened late. */
#include "board.h"
#include "inference.h"
#include "protocol.h"
#include "self_test.h"

#define REPEAT_MS 5000u

static inference_t inference;
static self_test_report_t report;

int main(void) {
    protocol_begin();
    self_test_run(&inference, &report);
    self_test_print_cycles(&report);
    for (;;) {
        self_test_print_result(&report);
        board_sleep(REPEAT_MS);
    }
}
