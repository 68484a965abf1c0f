/* mtrain plot CKPT... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"
#include "spec/tree.h"
#include "cmd/plotdata.h"
#include "cmd/report.h"
#include "plot/png.h"
#include "plot/svg.h"
#include "plot/term.h"

enum { LEAST_PICTURE = 200, MOST_PICTURE = 16384, MOST_DENSITY = 8 };

/* The options; 0: not given. */
struct plotting {
    struct mt_call *call;
    struct mt_plot_data data;
    const char *out; /* or NULL */
    bool by_step, png;
    size_t width, height, density;
};

/* --- options ------------------------------------------------------------ */

static bool ends_in(const char *path, const char *ending)
{
    size_t n = strlen(path), m = strlen(ending);

    return n > m && strcasecmp(path + n - m, ending) == 0;
}

static bool read_within(const struct mt_call *call, const char *name,
                        size_t least, size_t most, size_t *out)
{
    if (!mt_option(call, name))
        return true;
    if (!mt_option_size(call, name, out))
        return false;
    if (*out >= least && *out <= most)
        return true;
    mt_report_usage(call, "--%s: expected %zu to %zu, got %zu", name, least,
                    most, *out);
    return false;
}

static bool read_sizes(struct plotting *p)
{
    size_t least = p->out ? LEAST_PICTURE : MT_TERM_LEAST_WIDTH;
    size_t low = p->out ? LEAST_PICTURE : MT_TERM_LEAST_HEIGHT;
    size_t most = p->out ? MOST_PICTURE : MT_TERM_MOST;

    return read_within(p->call, "width", least, most, &p->width) &&
           read_within(p->call, "height", low, most, &p->height) &&
           read_within(p->call, "density", 1, MOST_DENSITY, &p->density);
}

enum { EPOCH, STEP };

static const char *const axes[] = { [EPOCH] = "epoch", [STEP] = "step", NULL };

static bool read_options(struct plotting *p)
{
    p->out = mt_option(p->call, "output");
    p->png = p->out && ends_in(p->out, ".png");
    p->by_step = mt_option_choice(p->call, "x") == STEP;
    if (p->out && !p->png && !ends_in(p->out, ".svg")) {
        mt_report_usage(p->call,
                        "-o: expected a name that ends in .svg or "
                        ".png, got \"%s\"",
                        p->out);
        return false;
    }
    if (mt_option(p->call, "density") && !p->png) {
        mt_report_usage(p->call, "--density is for -o FILE.png");
        return false;
    }
    return read_sizes(p);
}

/* --- pictures ----------------------------------------------------------- */

static void choose_size(struct plotting *p)
{
    size_t n = p->data.chart.n_panels;
    size_t columns = n <= 3 ? n : n == 4 ? 2 : (n + 2) / 3 > 2 ? 4 : 3;
    size_t rows = (n + columns - 1) / columns;

    if (!p->width)
        p->width = n == 1 ? 640 : 480 * columns;
    if (!p->height)
        p->height = n == 1 ? 420 : 350 * rows + 20;
    if (!p->density)
        p->density = 2;
}

static mt_status draw_svg(const struct plotting *p, struct mt_strbuf *out,
                          struct mt_err *err)
{
    const struct mt_chart *chart = &p->data.chart;
    struct mt_svg svg;
    mt_status status;

    mt_svg_start(&svg, (double)p->width, (double)p->height, chart->title);
    status = mt_chart_draw(chart, &svg.canvas, err);
    mt_svg_end(&svg);
    *out = svg.out;
    if (status == MT_OK && out->failed)
        return mt_fail_memory(err);
    return status;
}

static mt_status draw_png(const struct plotting *p, struct mt_strbuf *out,
                          struct mt_err *err)
{
    struct mt_raster raster;
    mt_status status;

    if ((status = mt_raster_start(&raster, (double)p->width, (double)p->height,
                                  (double)p->density, err)) != MT_OK)
        return status;
    status = mt_chart_draw(&p->data.chart, &raster.canvas, err);
    if (status == MT_OK)
        status = mt_png_write(&raster, out, err);
    mt_raster_free(&raster);
    return status;
}

static mt_status write_file(const char *path, const struct mt_strbuf *bytes,
                            struct mt_err *err)
{
    struct mt_replace *r;
    mt_status status;

    if ((status = mt_replace_open(path, &r, err)) != MT_OK)
        return status;
    if ((status = mt_replace_write(r, bytes->text, bytes->len, err)) != MT_OK) {
        mt_replace_abort(r);
        return status;
    }
    return mt_replace_commit(r, err);
}

static void print_written(const struct plotting *p)
{
    const struct mt_chart *chart = &p->data.chart;
    size_t density = p->png ? p->density : 1;

    if (p->call->json) {
        printf("{\"event\":\"plot\",\"path\":");
        mt_print_json_string(p->out);
        printf(",\"width\":%zu,\"height\":%zu}\n", density * p->width,
               density * p->height);
    } else if (!p->call->quiet) {
        printf("%s: ", p->out);
        for (size_t i = 0; i < chart->n_panels; i++)
            printf("%s%s", i ? ", " : "", chart->panels[i].title);
        printf(" of %s, %zu x %zu\n", mt_count(p->data.n_drawn, "run").text,
               density * p->width, density * p->height);
    }
}

static mt_status make_picture(struct plotting *p, struct mt_err *err)
{
    struct mt_strbuf bytes = MT_STRBUF_INIT;
    mt_status status;

    choose_size(p);
    p->data.chart.title = mt_option(p->call, "title");
    status = p->png ? draw_png(p, &bytes, err) : draw_svg(p, &bytes, err);
    if (status != MT_OK)
        mt_context(err, "%s", p->out);
    if (status == MT_OK)
        status = write_file(p->out, &bytes, err);
    mt_strbuf_free(&bytes);
    if (status == MT_OK)
        print_written(p);
    return status;
}

/* --- the terminal ------------------------------------------------------- */

/* Is the locale's encoding UTF-8? The first of these variables that is set
 * decides. */
static bool is_utf8(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);

        if (value && *value)
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

static size_t terminal_width(void)
{
    const char *columns = getenv("COLUMNS");
    unsigned long given = columns ? strtoul(columns, NULL, 10) : 0;
    struct winsize size;

    if (given == 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        given = size.ws_col;
    if (given == 0)
        return 80;
    return given < MT_TERM_LEAST_WIDTH ? MT_TERM_LEAST_WIDTH
           : given > MT_TERM_MOST      ? MT_TERM_MOST
                                       : given;
}

static mt_status draw_text(const struct plotting *p, struct mt_err *err)
{
    const struct mt_chart *chart = &p->data.chart;
    const char *title = mt_option(p->call, "title");
    struct mt_term term = { .width = p->width ? p->width : terminal_width(),
                            .height = p->height ? p->height : 18,
                            .unicode = is_utf8(),
                            .color = p->call->color };
    struct mt_strbuf out = MT_STRBUF_INIT;
    mt_status status = MT_OK;

    mt_term_title(title, &term, &out);
    for (size_t i = 0; status == MT_OK && i < chart->n_panels; i++) {
        if (i)
            mt_strbuf_putc(&out, '\n');
        status = mt_term_draw(chart, &chart->panels[i], &term, &out, err);
    }
    if (status == MT_OK)
        fwrite(out.text, 1, out.len, stdout);
    mt_strbuf_free(&out);
    return status;
}

/* --- numbers ------------------------------------------------------------ */

static void add_numbers(struct mt_strbuf *out, const char *name,
                        const double *v, size_t n)
{
    mt_strbuf_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < n; i++) {
        if (i)
            mt_strbuf_putc(out, ',');
        mt_json_add_number(out, v[i]);
    }
    mt_strbuf_putc(out, ']');
}

/* Each curve: a line. */
static mt_status print_curves(const struct plotting *p, struct mt_err *err)
{
    const struct mt_plot_data *d = &p->data;
    struct mt_strbuf out = MT_STRBUF_INIT;
    mt_status status = MT_OK;

    for (size_t i = 0; i < d->chart.n_panels; i++) {
        for (size_t k = 0; k < d->panels[i].n_curves; k++) {
            const struct mt_curve *c = &d->panels[i].curves[k];

            mt_strbuf_puts(&out, "{\"event\":\"curve\",\"path\":");
            mt_json_add_string(&out, d->sources[i][k].run->path);
            mt_strbuf_puts(&out, ",\"part\":");
            mt_json_add_string(&out, d->sources[i][k].part);
            mt_strbuf_puts(&out, ",\"metric\":");
            mt_json_add_string(&out, d->panels[i].title);
            add_numbers(&out, d->chart.x_title, c->x, c->n);
            add_numbers(&out, "value", c->y, c->n);
            mt_strbuf_puts(&out, "}\n");
        }
    }
    if (out.failed)
        status = mt_fail_memory(err);
    else
        fwrite(out.text, 1, out.len, stdout);
    mt_strbuf_free(&out);
    return status;
}

static int plot_run(struct mt_call *call)
{
    struct plotting p = { .call = call };
    struct mt_err err = MT_ERR_INIT;
    mt_status status;

    if (!read_options(&p))
        return MT_EXIT_TROUBLE;
    if ((p.png && mt_png_available(&err) != MT_OK) ||
        (p.out && mt_replace_probe(p.out, call->force, &err) != MT_OK))
        return mt_report_error(&err);
    status = mt_plot_data_read(call, mt_option_all(call, "metric"), p.by_step,
                               mt_option(call, "log-y") != NULL, &p.data, &err);
    if (status == MT_OK)
        status = p.out        ? make_picture(&p, &err)
                 : call->json ? print_curves(&p, &err)
                              : draw_text(&p, &err);
    mt_plot_data_free(&p.data);
    return status == MT_OK ? MT_EXIT_DONE : mt_report_error(&err);
}

static const struct mt_option plot_options[] = {
    { "output", 'o', "FILE",
      "write a picture; the ending decides: .svg, .png" },
    { "metric", 0, "LIST",
      "loss (the default), accuracy, lr, ...: a panel "
      "for each" },
    { "x", 0, "AXIS", "epoch (the default) or step", axes },
    { "log-y", 0, NULL, "a logarithmic y axis" },
    { "title", 0, "TEXT", "the title" },
    { "width", 0, "N", "of the picture in pixels, or of the text in columns" },
    { "height", 0, "N", "of the picture in pixels, or of a panel in lines" },
    { "density", 0, "N", "dots per pixel of a .png (default: 2)" },
    { NULL, 0, NULL, NULL },
};

extern const struct mt_command mt_cmd_plot;

const struct mt_command mt_cmd_plot = {
    .name = "plot",
    .operands = "CKPT...",
    .summary = "draw loss and metrics over the epochs",
    .options = plot_options,
    .min_args = 1,
    .max_args = (size_t)-1,
    .details =
        "Draws the history in the checkpoints, several runs over each other: "
        "in "
        "the terminal,\nor with -o as a picture. With --json and without -o, "
        "prints the numbers.",
    .examples =
        "mtrain plot digits.mtc\n"
        "mtrain plot digits.mtc --metric loss,accuracy -o digits.svg",
    .run = plot_run,
};
