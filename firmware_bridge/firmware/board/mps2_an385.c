/* SPDX-License-Identifier: Apache-2.0 */
/* Registers: ARM DAI0385, "Cortex-M3 SMM on V2M-MPS2"; Cortex-M System Design Kit r1p1. */
#include "controller.h"
#include "hal.h"
#include "timer.h"
#include "wire.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define CYCLES_PER_TICK 100u /* 25 MHz */
#define SYSTICK_CYCLES 2500u /* 100 us */

#define SYSTICK_CONTROL REGISTER(0xE000E010)
#define SYSTICK_RELOAD REGISTER(0xE000E014)
#define SYSTICK_VALUE REGISTER(0xE000E018)
#define TIMER0_CONTROL REGISTER(0x40000000)
#define TIMER0_VALUE REGISTER(0x40000004)
#define TIMER0_RELOAD REGISTER(0x40000008)
#define UART0_DATA REGISTER(0x40004000)
#define UART0_STATE REGISTER(0x40004004)
#define UART0_CONTROL REGISTER(0x40004008)
#define UART0_BAUD_DIVIDER REGISTER(0x40004010)
#define UART_TX_FULL 1u
#define UART_RX_FULL 2u
#define GPIO0_DATA_OUT REGISTER(0x40010004)

#define TX_SIZE 1024u

extern uint32_t stack_top, data_image, data_start, data_end, bss_start, bss_end;

int main(void);
void reset(void);
void tick_interrupt(void);

static uint8_t tx_buffer[TX_SIZE];
static uint32_t tx_in, tx_out;
static uint32_t delimiter_tick;
static uint32_t cycles_seen;
static uint64_t cycles;
static volatile bool locked;
static volatile bool missed;
static uint32_t timer_due;
static uint32_t outputs[(BOARD_VALVES + 31) / 32];

static void fault(void)
{
    for (;;)
        continue;
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    &stack_top, (void *)reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault,
    (void *)fault, 0, 0, 0, 0, (void *)fault, 0, 0, (void *)fault, (void *)tick_interrupt,
};

void reset(void)
{
    uint32_t *from = &data_image, *to;

    for (to = &data_start; to < &data_end; to++)
        *to = *from++;
    for (to = &bss_start; to < &bss_end; to++)
        *to = 0;
    main();
}

static uint32_t disable_interrupts(void)
{
    uint32_t were;

    __asm volatile("mrs %0, primask\n\tcpsid i" : "=r"(were)::"memory");
    return were;
}

static void restore_interrupts(uint32_t were)
{
    __asm volatile("msr primask, %0" ::"r"(were) : "memory");
}

uint32_t hal_tick(void)
{
    uint32_t were = disable_interrupts();
    uint32_t value = ~TIMER0_VALUE;
    uint32_t tick;

    cycles += value - cycles_seen;
    cycles_seen = value;
    tick = (uint32_t)(cycles / CYCLES_PER_TICK);
    restore_interrupts(were);
    return tick;
}

static void run_timer(void)
{
    uint32_t now = hal_tick();

    if (!is_before(now, timer_due))
        timer_due = timer_run(now);
}

void tick_interrupt(void)
{
    if (locked)
        missed = true;
    else
        run_timer();
}

void hal_lock(void)
{
    locked = true;
    __asm volatile("" ::: "memory");
}

void hal_unlock(void)
{
    uint32_t were = disable_interrupts();

    locked = false;
    if (missed) {
        missed = false;
        run_timer();
    }
    restore_interrupts(were);
}

void hal_valve(uint8_t valve, bool on)
{
    uint32_t bit = 1ul << (valve & 31u);

    if (on)
        outputs[valve >> 5] |= bit;
    else
        outputs[valve >> 5] &= ~bit;
    GPIO0_DATA_OUT = outputs[0];
}

void hal_master(bool on)
{
    (void)on;
}

void hal_all_off(void)
{
    uint32_t i;

    for (i = 0; i < sizeof outputs / sizeof *outputs; i++)
        outputs[i] = 0;
    GPIO0_DATA_OUT = 0;
}

void hal_wheel(struct wheel_reading *reading)
{
    reading->count = 0;
    reading->tick = 0;
}

bool hal_estop_pressed(void)
{
    return false;
}

uint16_t hal_flow_pulses(void)
{
    return 0;
}

bool hal_strobe(struct strobe_reading *reading)
{
    (void)reading;
    return false;
}

bool hal_pressure_mv(uint16_t *millivolts)
{
    (void)millivolts;
    return false;
}

bool hal_coil_mv(uint8_t valve, uint16_t *millivolts)
{
    (void)valve;
    (void)millivolts;
    return false;
}

bool hal_receive(uint8_t *byte)
{
    if (!(UART0_STATE & UART_RX_FULL))
        return false;
    *byte = (uint8_t)UART0_DATA;
    if (*byte == 0)
        delimiter_tick = hal_tick();
    return true;
}

uint32_t hal_delimiter_tick(void)
{
    return delimiter_tick;
}

static void transmit(void)
{
    while (tx_out != tx_in && !(UART0_STATE & UART_TX_FULL))
        UART0_DATA = tx_buffer[tx_out++ % TX_SIZE];
}

uint16_t hal_send_room(void)
{
    return (uint16_t)(TX_SIZE - (tx_in - tx_out));
}

uint32_t hal_send_tick(void)
{
    return hal_tick();
}

void hal_send(const uint8_t *data, uint8_t length)
{
    while (length--)
        tx_buffer[tx_in++ % TX_SIZE] = *data++;
    transmit();
}

int main(void)
{
    TIMER0_RELOAD = 0xFFFFFFFFul;
    TIMER0_VALUE = 0xFFFFFFFFul;
    TIMER0_CONTROL = 1;
    UART0_BAUD_DIVIDER = 50;
    UART0_CONTROL = 3;
    controller_init(1, CAUSE_BOOT);
    timer_due = hal_tick();
    SYSTICK_RELOAD = SYSTICK_CYCLES - 1;
    SYSTICK_VALUE = 0;
    SYSTICK_CONTROL = 7;
    for (;;) {
        controller_poll();
        transmit();
    }
}
