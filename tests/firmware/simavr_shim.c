/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs an ATmega2560 binary in the system's simavr, in lock-step with its caller. For tests
 * only: simavr (GPLv3) is loaded from the system, nothing of it is part of the product.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <avr_adc.h>
#include <avr_ioport.h>
#include <avr_uart.h>
#include <sim_avr.h>
#include <sim_elf.h>

#include "wheel_profile.h"

#define FREQUENCY 16000000u
#define STEP_CYCLES 80
#define BYTE_CYCLES 320
#define RX_SIZE 65536
#define TX_SIZE 1048576
#define MAX_EDGES 262144
#define VALVES 16
/* What the hardware holds: two bytes and one in the shift register. */
#define UART_DEPTH 3

/* Data addresses of the ATmega2560 (data sheet, register summary). */
enum { DDRA = 0x21, PORTA = 0x22, DDRC = 0x27, PORTC = 0x28, MCUSR = 0x54, DDRL = 0x10A, PORTL = 0x10B };

struct timed_byte {
    uint64_t cycle;
    uint8_t byte;
};

struct shim_edge {
    uint64_t cycle;
    int32_t valve; /* -1: master */
    int32_t on;
};

struct shim {
    avr_t *avr;
    avr_uart_t *uart;
    avr_irq_t *uart_in;
    avr_irq_t *port_e;
    avr_irq_t *port_d;
    avr_irq_t *adc;
    avr_ioport_external_t external_d, external_e;
    struct timed_byte rx[RX_SIZE];
    uint32_t rx_in, rx_out;
    uint64_t rx_free;
    uint32_t overruns;
    struct timed_byte tx[TX_SIZE];
    uint32_t tx_in, tx_out;
    uint64_t tx_free;
    uint32_t outputs;
    struct shim_edge edges[MAX_EDGES];
    uint32_t edge_count;
    struct wheel_profile profile;
    int wheel_a, wheel_b;
    int estop;
    double flow_ul_per_cycle_and_valve; /* of a valve that sprays */
    double flow_ul;
    double flow_ul_per_pulse;
    double leak_valves;
    uint32_t stuck_closed;
    uint32_t open_coils;
    int flow_pin;
    uint32_t pressure_mv;
    uint32_t hung_at; /* flash address of the patched instruction */
    uint32_t resets;
};

static void quiet(avr_t *avr, const int level, const char *format, va_list ap)
{
    if (level <= LOG_ERROR && getenv("SHIM_LOG"))
        vfprintf(stderr, format, ap);
}

static uint32_t outputs_of(const struct shim *shim)
{
    const uint8_t *data = shim->avr->data;
    uint8_t c = data[PORTC] & data[DDRC];
    uint32_t mask = data[PORTA] & data[DDRA];
    int i;

    for (i = 0; i < 8; i++)
        if (c & (0x80 >> i))
            mask |= 1u << (8 + i);
    if (data[PORTL] & data[DDRL] & 1)
        mask |= 1u << VALVES;
    return mask;
}

static void see_outputs(struct shim *shim)
{
    uint32_t mask = outputs_of(shim);
    uint32_t changed = mask ^ shim->outputs;
    int i;

    for (i = 0; changed != 0; i++, changed >>= 1) {
        if ((changed & 1) && shim->edge_count < MAX_EDGES) {
            struct shim_edge *edge = &shim->edges[shim->edge_count++];

            edge->cycle = shim->avr->cycle;
            edge->valve = i < VALVES ? i : -1;
            edge->on = (mask >> i) & 1;
        }
    }
    shim->outputs = mask;
}

static void on_port(struct avr_irq_t *irq, uint32_t value, void *param)
{
    see_outputs(param);
}

static void on_sent(struct avr_irq_t *irq, uint32_t value, void *param)
{
    struct shim *shim = param;
    struct timed_byte *next = &shim->tx[shim->tx_in++ % TX_SIZE];

    if (shim->tx_free < shim->avr->cycle)
        shim->tx_free = shim->avr->cycle;
    shim->tx_free += BYTE_CYCLES;
    next->cycle = shim->tx_free;
    next->byte = (uint8_t)value;
}

static void on_adc(struct avr_irq_t *irq, uint32_t value, void *param)
{
    struct shim *shim = param;
    union {
        avr_adc_mux_t mux;
        uint32_t value;
    } request = {.value = value};
    int channel = request.mux.src;
    uint32_t mv = 0;

    if (channel == 0) {
        mv = shim->pressure_mv;
    } else if (channel == 1) {
        int valve = shim->avr->data[PORTL] >> 4;

        mv = ((shim->outputs & ~shim->open_coils) >> valve) & 1 ? 1200 : 0;
    }
    avr_raise_irq(shim->adc + ADC_IRQ_ADC0 + channel, mv);
}

static unsigned uart_waiting(const avr_uart_t *uart)
{
    return (unsigned)(uart->input.write - uart->input.read) % uart_fifo_fifo_size;
}

static void feed_uart(struct shim *shim)
{
    const struct timed_byte *next = &shim->rx[shim->rx_out % RX_SIZE];

    while (shim->rx_out != shim->rx_in && next->cycle <= shim->avr->cycle) {
        if (uart_waiting(shim->uart) >= UART_DEPTH)
            shim->overruns++;
        else
            avr_raise_irq(shim->uart_in, next->byte);
        shim->rx_out++;
        next = &shim->rx[shim->rx_out % RX_SIZE];
    }
}

/* What an input pin is at when the firmware switches its pull-up on. */
static void prepare(struct shim *shim, char name, int pin, int level)
{
    avr_ioport_external_t *external = name == 'E' ? &shim->external_e : &shim->external_d;

    external->name = (unsigned char)name;
    external->mask |= 1u << pin;
    external->value = (external->value & ~(1u << pin)) | (unsigned)level << pin;
    avr_ioctl(shim->avr, AVR_IOCTL_IOPORT_SET_EXTERNAL(name), external);
}

/* Puts a level to an input pin, which holds against the processor's pull-up. */
static void drive(struct shim *shim, char name, int pin, int level)
{
    prepare(shim, name, pin, level);
    avr_raise_irq((name == 'E' ? shim->port_e : shim->port_d) + pin, (uint32_t)level);
}

/* Quadrature: B leads or follows A by a quarter of a count. */
static void turn_wheel(struct shim *shim)
{
    double count = profile_count(&shim->profile, (double)shim->avr->cycle / FREQUENCY);
    double part = count - floor(count);
    int a = part < 0.5;
    int b = part >= 0.25 && part < 0.75;

    if (b != shim->wheel_b)
        drive(shim, 'E', 3, b);
    if (a != shim->wheel_a)
        drive(shim, 'E', 4, a);
    shim->wheel_a = a;
    shim->wheel_b = b;
}

static void let_flow(struct shim *shim)
{
    int spraying = __builtin_popcount(shim->outputs & 0xFFFF & ~shim->stuck_closed & ~shim->open_coils);

    shim->flow_ul += STEP_CYCLES * shim->flow_ul_per_cycle_and_valve * (spraying + shim->leak_valves);
    if (shim->flow_pin) {
        shim->flow_pin = 0;
        drive(shim, 'D', 3, 0);
    } else if (shim->flow_ul >= shim->flow_ul_per_pulse) {
        shim->flow_ul -= shim->flow_ul_per_pulse;
        shim->flow_pin = 1;
        drive(shim, 'D', 3, 1);
    }
}

/* simavr 1.6 gives every byte two stop bits; on the wire it has one. */
static void mend_uart(struct shim *shim)
{
    if (shim->uart->cycles_per_byte == BYTE_CYCLES / 10 * 11)
        shim->uart->cycles_per_byte = BYTE_CYCLES;
}

static avr_cycle_count_t step(avr_t *avr, avr_cycle_count_t when, void *param)
{
    struct shim *shim = param;

    see_outputs(shim);
    mend_uart(shim);
    feed_uart(shim);
    turn_wheel(shim);
    let_flow(shim);
    return when + STEP_CYCLES;
}

static void set_inputs(struct shim *shim)
{
    prepare(shim, 'E', 5, shim->estop);
    prepare(shim, 'E', 4, shim->wheel_a);
    prepare(shim, 'E', 3, shim->wheel_b);
    prepare(shim, 'D', 2, 0);
    prepare(shim, 'D', 3, shim->flow_pin);
}

static avr_uart_t *find_uart(avr_t *avr)
{
    avr_io_t *io;

    for (io = avr->io_port; io != NULL; io = io->next)
        if (strcmp(io->kind, "uart") == 0 && ((avr_uart_t *)io)->name == '0')
            return (avr_uart_t *)io;
    return NULL;
}

static avr_irq_t *port(avr_t *avr, char name)
{
    return avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ(name), 0);
}

struct shim *shim_new(const char *elf)
{
    struct shim *shim = calloc(1, sizeof *shim);
    elf_firmware_t firmware;
    uint32_t flags = 0;
    int i;

    avr_global_logger_set(quiet);
    memset(&firmware, 0, sizeof firmware);
    if (elf_read_firmware(elf, &firmware) != 0)
        return NULL;
    shim->avr = avr_make_mcu_by_name("atmega2560");
    avr_init(shim->avr);
    firmware.frequency = FREQUENCY;
    avr_load_firmware(shim->avr, &firmware);
    shim->avr->frequency = FREQUENCY;
    shim->avr->vcc = shim->avr->avcc = shim->avr->aref = 5000;

    avr_ioctl(shim->avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    shim->uart = find_uart(shim->avr);
    shim->uart_in = avr_io_getirq(shim->avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    avr_irq_register_notify(
        avr_io_getirq(shim->avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), on_sent, shim);
    shim->port_e = port(shim->avr, 'E');
    shim->port_d = port(shim->avr, 'D');
    for (i = 0; i < 8; i++) {
        avr_irq_register_notify(port(shim->avr, 'A') + i, on_port, shim);
        avr_irq_register_notify(port(shim->avr, 'C') + i, on_port, shim);
    }
    shim->adc = avr_io_getirq(shim->avr, AVR_IOCTL_ADC_GETIRQ, 0);
    avr_irq_register_notify(shim->adc + ADC_IRQ_OUT_TRIGGER, on_adc, shim);
    shim->pressure_mv = 1700;
    shim->flow_ul_per_pulse = 1e9;
    shim->hung_at = 0;
    set_inputs(shim);
    avr_cycle_timer_register(shim->avr, STEP_CYCLES, step, shim);
    return shim;
}

void shim_free(struct shim *shim)
{
    avr_terminate(shim->avr);
    free(shim);
}

static void heal(struct shim *shim)
{
    if (shim->hung_at != 0) {
        shim->avr->flash[shim->hung_at] = 0xA8;
        shim->avr->flash[shim->hung_at + 1] = 0x95;
        shim->hung_at = 0;
    }
}

/* Returns 0, or -1 when the processor has crashed. */
int shim_run(struct shim *shim, uint64_t until)
{
    while (shim->avr->cycle < until) {
        int state = avr_run(shim->avr);

        if (state == cpu_Crashed || state == cpu_Done)
            return -1;
        if (avr_cycle_timer_status(shim->avr, step, shim) == 0) {
            /* A reset has cleared all timers. */
            shim->resets++;
            heal(shim);
            set_inputs(shim);
            see_outputs(shim);
            avr_cycle_timer_register(shim->avr, STEP_CYCLES, step, shim);
        }
    }
    return 0;
}

uint64_t shim_cycle(const struct shim *shim)
{
    return shim->avr->cycle;
}

void shim_write(struct shim *shim, const uint8_t *data, uint32_t length, uint64_t cycle)
{
    if (shim->rx_free < cycle)
        shim->rx_free = cycle;
    while (length-- && shim->rx_in - shim->rx_out < RX_SIZE) {
        /* simavr itself takes the time of one byte from here. */
        shim->rx[shim->rx_in % RX_SIZE].cycle = shim->rx_free;
        shim->rx[shim->rx_in++ % RX_SIZE].byte = *data++;
        shim->rx_free += BYTE_CYCLES;
    }
}

int shim_read(struct shim *shim, uint64_t *cycle)
{
    const struct timed_byte *next = &shim->tx[shim->tx_out % TX_SIZE];

    if (shim->tx_out == shim->tx_in || next->cycle > shim->avr->cycle)
        return -1;
    shim->tx_out++;
    *cycle = next->cycle;
    return next->byte;
}

uint32_t shim_edges(struct shim *shim, const struct shim_edge **edges)
{
    *edges = shim->edges;
    return shim->edge_count;
}

void shim_wheel(struct shim *shim, const struct wheel_segment *segments, int length)
{
    memcpy(shim->profile.segments, segments, (size_t)length * sizeof *segments);
    shim->profile.length = length;
    shim->profile.at = 0;
}

void shim_estop(struct shim *shim, int pressed)
{
    shim->estop = pressed;
    drive(shim, 'E', 5, pressed);
}

void shim_flow(struct shim *shim, double nozzle_ml_min, double ul_per_pulse)
{
    shim->flow_ul_per_cycle_and_valve = nozzle_ml_min * 1000.0 / 60.0 / FREQUENCY;
    shim->flow_ul_per_pulse = ul_per_pulse;
}

void shim_faults(struct shim *shim, uint32_t stuck_closed, uint32_t open_coils, double leak_valves)
{
    shim->stuck_closed = stuck_closed;
    shim->open_coils = open_coils;
    shim->leak_valves = leak_valves;
}

void shim_pressure(struct shim *shim, uint32_t millivolts)
{
    shim->pressure_mv = millivolts;
}

void shim_strobe(struct shim *shim)
{
    drive(shim, 'D', 2, 1);
    drive(shim, 'D', 2, 0);
}

/* The main loop's watchdog kick becomes a jump to itself; a reset takes that away. */
int shim_hang(struct shim *shim, uint32_t flash_address)
{
    uint8_t *at = &shim->avr->flash[flash_address];

    if (at[0] != 0xA8 || at[1] != 0x95)
        return -1;
    at[0] = 0xFF;
    at[1] = 0xCF;
    shim->hung_at = flash_address;
    return 0;
}

/* The supply fails: the processor starts anew with these reset flags. */
void shim_reset(struct shim *shim, uint8_t flags)
{
    avr_reset(shim->avr);
    shim->avr->data[MCUSR] = flags;
}

uint32_t shim_resets(const struct shim *shim)
{
    return shim->resets;
}

uint32_t shim_overruns(const struct shim *shim)
{
    return shim->overruns;
}

/* The lowest address that the stack has used is the end of what is still as painted. */
uint32_t shim_unused_ram(const struct shim *shim, uint32_t from, uint8_t paint)
{
    uint32_t at = from;

    while (at <= shim->avr->ramend && shim->avr->data[at] == paint)
        at++;
    return at - from;
}

void shim_paint_ram(struct shim *shim, uint32_t from, uint8_t paint)
{
    uint32_t stack = shim->avr->data[R_SPL] | (uint32_t)shim->avr->data[R_SPH] << 8;

    if (stack > from + 64)
        memset(&shim->avr->data[from], paint, stack - 64 - from);
}
