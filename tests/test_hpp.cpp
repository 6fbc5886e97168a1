// SPDX-License-Identifier: MIT
// sixnet.hpp: handles, errors, views, callbacks that throw, layers in C++; and that each member calls what it should.

#include <sixnet/sixnet.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <limits>
#include <numeric>
#include <sstream>
#include <thread>
#if __cplusplus >= 202002L
#include <span>
#endif

namespace
{

// ---- what the tests share ----

struct failure {
    int line;
    std::string what;
};

void expect(bool holds, int line = __builtin_LINE())
{
    if (!holds)
        throw failure{line, "does not hold"};
}

// The call must fail with a status, and a message in which the word stands.
template <class F> void fails(std::int32_t status, const char *word, F &&call, int line = __builtin_LINE())
{
    try {
        call();
    } catch (const sixnet::error &e) {
        if (e.status() == status && std::strstr(e.what(), word))
            return;
        throw failure{line, std::to_string(e.status()) + ": " + e.what()};
    }
    throw failure{line, "nothing was thrown"};
}

struct mine {
    int number;
};

// The call must throw what a callback has thrown.
template <class F> void throws_mine(int number, F &&call, int line = __builtin_LINE())
{
    try {
        call();
    } catch (const mine &m) {
        expect(m.number == number, line);
        return;
    }
    throw failure{line, "nothing was thrown"};
}

const char classifier[] = "input shape=2\nlinear out_features=8\ntanh\nlinear out_features=2\ncross_entropy";
const char regressor[] = "input shape=2\nlinear out_features=3\nmse";

// n points of a square, and on which side of its diagonal they are.
struct points {
    std::vector<float> x;
    std::vector<std::uint8_t> t;

    explicit points(std::size_t n = 64) : x(2 * n), t(n)
    {
        unsigned state = 1;
        for (float &v : x)
            v = float((state = state * 1664525u + 1013904223u) >> 8) / float(1 << 24) * 2 - 1;
        for (std::size_t i = 0; i < n; i++)
            t[i] = x[2 * i] > x[2 * i + 1];
    }

    void write(std::int64_t index, sixnet::view<float> input, sixnet::view<float> target) const
    {
        const auto i = std::size_t(index);
        input[0] = x[2 * i];
        input[1] = x[2 * i + 1];
        target[0] = t[i];
    }

    sixnet::dataset data(const sixnet::context &ctx = sixnet::context()) const
    {
        return sixnet::dataset::from_arrays({2}, x, {1}, t, "", ctx);
    }
};

// A folder that goes with the object.
struct folder {
    std::filesystem::path path;
    folder()
    {
        std::string name = (std::filesystem::temp_directory_path() / "sixnet-XXXXXX").string();
        path = mkdtemp(name.data());
    }
    ~folder() { std::filesystem::remove_all(path); }
    std::string operator/(const char *name) const { return (path / name).string(); }
};

// ---- views and shapes ----

void test_views()
{
    const std::vector<float> vector{1, 2, 3};
    std::array<float, 3> array{4, 5, 6};
    float plain[] = {7, 8};
    const auto sum = [](sixnet::view<const float> v) { return std::accumulate(v.begin(), v.end(), 0.0f); };
    expect(sum(vector) == 6 && sum(array) == 15 && sum(plain) == 15 && sum({}) == 0 && sum({plain, 1}) == 7);
    sixnet::view<float> writable = array;
    writable[1] = 0;
    expect(sum(writable) == 10 && array[1] == 0 && writable.size() == 3 && !writable.empty());
    static_assert(!std::is_convertible_v<const std::vector<float> &, sixnet::view<float>>);
    static_assert(!std::is_convertible_v<std::vector<double>, sixnet::view<const float>>);
    static_assert(!std::is_convertible_v<std::deque<float>, sixnet::view<const float>>);
    static_assert(std::is_trivially_copyable_v<sixnet::view<float>>);
#if __cplusplus >= 202002L
    expect(sum(std::span<const float>(vector)) == 6 &&
           std::span<const float>(sixnet::view<const float>(vector)).size() == 3);
#endif
}

void test_shapes()
{
    const sixnet::shape s{3, 32, 16};
    expect(s.size() == 3 && s[1] == 32 && s.count() == 1536 && s.str() == "3x32x16");
    expect(s == sixnet::shape{3, 32, 16} && s != sixnet::shape{3, 32} && sixnet::shape().count() == 1);
    fails(SIXNET_BAD_SHAPE, "8 dimensions", [] { sixnet::shape{1, 2, 3, 4, 5, 6, 7, 8, 9}; });
    const std::int64_t half = std::int64_t{1} << 32;
    expect(sixnet::shape{half, half / 4}.count() == half / 4 * half && sixnet::shape{half, half, 0}.count(0) == 0);
    fails(SIXNET_BAD_SHAPE, "4294967296x4294967296 has more values", [=] { sixnet::shape{half, half}.count(); });
    fails(SIXNET_BAD_SHAPE, "more values", [=] { sixnet::shape{half}.count(half); });
    fails(SIXNET_BAD_SHAPE, "negative dimension", [] { sixnet::shape{2, -1}.count(); });
    fails(SIXNET_INVALID_ARGUMENT, "NUL", [] { sixnet::context ctx(std::string("seed=1\0threads=2", 16)); });
}

// ---- handles ----

void test_handles_are_moved()
{
    static_assert(!std::is_copy_constructible_v<sixnet::model> && !std::is_copy_assignable_v<sixnet::dataset>);
    static_assert(std::is_nothrow_move_constructible_v<sixnet::optimizer> &&
                  std::is_nothrow_move_assignable_v<sixnet::batch_iterator>);
    static_assert(std::is_nothrow_move_constructible_v<sixnet::context> &&
                  std::is_nothrow_destructible_v<sixnet::model>);
    sixnet::model one(classifier), two(regressor);
    const std::string digest = one.digest();
    sixnet_model *pointer = one.get();
    two = std::move(one);
    expect(two.get() == pointer && two && !one && two.digest() == digest &&
           two.predict(std::vector<float>{1, 2}).size() == 2);
    fails(SIXNET_INVALID_ARGUMENT, "net is NULL", [&] { one.zero_grad(); });
    std::vector<sixnet::model> nets;
    for (int i = 0; i < 5; i++)
        nets.emplace_back(classifier);
    expect(nets[4].digest() == digest);
}

struct counted {
    long live = 0;
    static void *allocate(void *user, std::size_t size)
    {
        static_cast<counted *>(user)->live++;
        return std::malloc(size);
    }
    static void release(void *user, void *memory)
    {
        static_cast<counted *>(user)->live--;
        std::free(memory);
    }
};

void test_everything_is_freed_in_any_order()
{
    counted memory;
    for (int order = 0; order < 6; order++) {
        std::optional<sixnet::context> ctx(std::in_place, "seed=3", counted::allocate, counted::release, &memory);
        std::optional<sixnet::model> net(std::in_place, classifier, *ctx);
        std::optional<sixnet::optimizer> opt(std::in_place, *net, "adam lr=0.1");
        std::optional<sixnet::dataset> data(points().data(*ctx));
        std::optional<sixnet::batch_iterator> batches(std::in_place, *data, "batch_size=4");
        expect(memory.live > 0);
        if (order % 2)
            ctx.reset();
        if (order % 3 == 0)
            data.reset();
        if (order % 3 == 1)
            net.reset();
        batches->start_epoch(1);
        expect(batches->next()->n == 4);
        opt->step();
    }
    expect(memory.live == 0);
}

// A context and a model may be overwritten while a function of theirs is still to be called by the library.
void test_functions_live_as_long_as_their_handles()
{
    auto make = [] {
        sixnet::context ctx;
        sixnet::layer<float> times;
        times.forward = [factor = std::vector<float>(1, 3.0f)](sixnet::layer_call<float> &call) {
            const auto x = call.input();
            const auto y = call.output();
            for (std::size_t i = 0; i < x.size(); i++)
                y[i] = factor[0] * x[i];
        };
        ctx.register_layer("times", times);
        return sixnet::model("input shape=1\ntimes", ctx);
    };
    sixnet::model net = make();
    expect(net.predict(std::vector<float>{2, 4}) == std::vector<float>{6, 12});
    net = make();
    expect(net.predict(std::vector<float>{1}) == std::vector<float>{3});
    auto split = [] {
        const auto write = [p = points(10)](std::int64_t i, sixnet::view<float> x, sixnet::view<float> t) {
            p.write(i, x, t);
        };
        return sixnet::dataset::from_callback(10, {2}, {1}, write).split("first_size=4 shuffle=false");
    };
    auto [first, second] = split();
    float x[2], t[1];
    second.get_sample(0, x, t);
    expect(first.size() == 4 && second.size() == 6 && x[0] == points(10).x[8]);
}

// ---- errors ----

void test_errors()
{
    fails(SIXNET_BAD_SPEC, "did you mean 'out_features'", [] { sixnet::model("input shape=2\nlinear out_feature=3"); });
    fails(SIXNET_BAD_SPEC, "did you mean 'threads'", [] { sixnet::context("thread=2"); });
    fails(SIXNET_IO_ERROR, "/no/such", [] { sixnet::model::load("/no/such"); });
    fails(SIXNET_IO_ERROR, "/no/such", [] { sixnet::dataset::open("/no/such"); });
    fails(SIXNET_IO_ERROR, "/no/such", [] { sixnet::dataset::from_idx("/no/such", "/no/such"); });
    fails(SIXNET_BAD_FILE, "", [] { sixnet::model::load_from_buffer(std::vector<unsigned char>(20)); });
    sixnet::model net;
    net.add("input shape=2");
    fails(SIXNET_BAD_STATE, "", [&] { net.summary(); });
    fails(SIXNET_BAD_SPEC, "linear", [&] { net.add("linear"); });
    net.add("linear out_features=3"); /* building goes on after a call that failed */
    net.compile();
    expect(net.tensor_shape("linear1.weight") == sixnet::shape{3, 2});
    sixnet::model good(classifier);
    fails(SIXNET_NOT_FOUND, "linear9.weight", [&] { good.tensor_shape("linear9.weight"); });
    fails(SIXNET_NOT_FOUND, "linear9.weight", [&] { good.tensor_data<float>("linear9.weight"); });
    fails(SIXNET_NOT_FOUND, "nowhere", [&] { good.node_find("nowhere"); });
    fails(SIXNET_NOT_FOUND, "99", [&] { good.tensor_name(99); });
    fails(SIXNET_NOT_FOUND, "colour", [&] { good.node_get(0, "colour"); });
    const sixnet::error e(SIXNET_BAD_SHAPE, "words");
    expect(std::string(e.status_name()) == "SIXNET_BAD_SHAPE" && std::string(e.what()) == "words");
}

void test_sizes_are_checked()
{
    sixnet::model net(regressor);
    std::vector<float> three(3), four(4), six(6);
    fails(SIXNET_BAD_SHAPE, "inputs: 3 values are not samples of 2", [&] { net.predict(three); });
    fails(SIXNET_BAD_SHAPE, "outputs: 3 values, not 6", [&] { net.predict(four, three); });
    net.forward(four);
    fails(SIXNET_BAD_SHAPE, "targets: 4 values, not 6", [&] { net.loss(four); });
    fails(SIXNET_BAD_SHAPE, "gradient: 4 values, not 6", [&] { net.backward_from(four); });
    fails(SIXNET_BAD_SHAPE, "targets: 3 values, not 2", [&] { sixnet::dataset::from_arrays({2}, four, {1}, three); });
    fails(SIXNET_BAD_SHAPE, "inputs", [&] { sixnet::dataset::from_arrays({2}, three); });
    fails(SIXNET_BAD_SHAPE, "input: 3 values", [&] { sixnet::dataset::from_arrays({2}, four).get_sample(0, three); });
    sixnet::model empty;
    fails(SIXNET_BAD_SHAPE, "inputs", [&] { empty.forward(four); });
    expect(net.predict(std::vector<float>()).empty());
}

// ---- training ----

void test_fit_and_evaluate()
{
    const points p(256), q(100);
    sixnet::dataset train = p.data(), test = q.data();
    sixnet::model net(classifier);
    sixnet::optimizer opt(net, "adam lr=0.05", "step_lr step_size=5 gamma=0.5");
    double last = 0;
    int calls = 0;
    expect(net.fit(opt, train, test, "epochs=10 batch_size=32", [&](const sixnet::progress &now) {
        last = now["validation_accuracy"];
        calls++;
        return false;
    }));
    const sixnet::evaluation found = net.evaluate(test);
    expect(calls == 10 * 9 && found.accuracy == last && found.accuracy > 0.9 && found.loss > 0);
    expect(net.metrics(test, "top_k=1").find("\"confusion\": [[") != std::string::npos);
    expect(net.metric("accuracy") == found.accuracy && net.metric("top_k_accuracy") == found.accuracy);
    expect(std::isnan(net.metric("color")));
    expect(std::fabs(opt.learning_rate() - 0.0125) < 1e-12);
    opt.set_learning_rate(0.1);
    expect(std::fabs(opt.learning_rate() - 0.025) < 1e-12);
    expect(net.fit(opt, train, "epochs=1"));
    expect(!net.fit(opt, train, "epochs=3", [](const sixnet::progress &now) { return now["batch"] == 2; }));
}

// The same three steps with float, with double, and with fit.
void test_the_open_loop()
{
    const points p(32);
    sixnet::model net(classifier), twin(classifier), fitted(classifier);
    sixnet::optimizer opt(net, "sgd lr=0.1"), twin_opt(twin, "sgd lr=0.1"), fitted_opt(fitted, "sgd lr=0.1");
    const std::vector<float> t(p.t.begin(), p.t.end());
    const std::vector<double> x64(p.x.begin(), p.x.end()), t64(t.begin(), t.end());
    for (int step = 0; step < 3; step++) {
        net.zero_grad();
        net.forward(p.x);
        const double loss = net.loss(t);
        net.backward();
        opt.step();
        twin.zero_grad();
        twin.forward(x64);
        expect(twin.loss(t64) == loss);
        twin.backward();
        twin_opt.step();
    }
    sixnet::dataset data = p.data();
    fitted.fit(fitted_opt, data, "epochs=3 batch_size=32 shuffle=false");
    expect(net.digest() == twin.digest() && net.digest() == fitted.digest());
    opt.end_epoch(std::numeric_limits<double>::quiet_NaN());
    net.reset(0);
    expect(net.digest() == sixnet::model(classifier).digest());
}

void test_a_loss_of_ones_own()
{
    sixnet::model net("input shape=2\nlinear out_features=1 bias=false init=zeros");
    const float x[] = {1, 2, 3, 4}, dy[] = {1, 10};
    const double x64[] = {1, 2, 3, 4}, dy64[] = {1, 10};
    float sum[2];
    double sum64[2];
    net.forward(x);
    net.backward_from(dy);
    net.tensor_gradient("linear1.weight", sum);
    net.forward(x64);
    net.backward_from(dy64);
    net.tensor_gradient("linear1.weight", sum64);
    expect(sum[0] == 31 && sum[1] == 42 && sum64[0] == 62 && sum64[1] == 84);
}

void test_predictions()
{
    sixnet::model net("input shape=2\nlinear out_features=1");
    net.tensor_set("linear1.weight", std::vector<float>{2, 3});
    net.tensor_set("linear1.bias", std::vector<double>{1});
    const std::vector<float> x{1, 1, 2, 0};
    std::vector<double> y(2);
    net.predict(std::vector<double>(x.begin(), x.end()), y);
    expect(net.predict(x) == std::vector<float>{6, 5} && y == std::vector<double>{6, 5});
}

void test_predictors_and_copies()
{
    const points p(100);
    sixnet::model net(classifier);
    const std::vector<float> wanted = net.predict(p.x);
    sixnet::model twin = net.copy();
    std::vector<std::vector<float>> found(4);
    std::vector<std::thread> threads;
    for (auto &y : found)
        threads.emplace_back([&] { y = sixnet::predictor(net).predict(p.x); });
    for (auto &thread : threads)
        thread.join();
    for (auto &y : found)
        expect(y == wanted);
    twin.reset(5);
    expect(twin.predict(p.x) != wanted && net.predict(p.x) == wanted);
    sixnet::predictor last(twin);
    std::vector<float> y(wanted.size());
    std::vector<double> y64(wanted.size());
    const std::uint64_t memory = last.memory();
    last.predict(p.x, y);
    expect(memory > 4 * sizeof(float) && last.memory() == memory);
    last.predict(std::vector<double>(p.x.begin(), p.x.end()), y64);
    expect(y == twin.predict(p.x) && std::fabs(y64[3] - double(y[3])) < 1e-6 &&
           last.predict(std::vector<double>{1, 2}).size() == 2);
    fails(SIXNET_BAD_SHAPE, "outputs", [&] {
        std::vector<float> one(1);
        last.predict(p.x, one);
    });
}

void test_cancelling()
{
    const points p;
    sixnet::dataset data = p.data();
    sixnet::model net(classifier);
    sixnet::optimizer opt(net, "sgd lr=0.1");
    net.cancel();
    expect(!net.fit(opt, data, "epochs=5"));
    fails(SIXNET_STOPPED, "cancelled", [&] { net.evaluate(data); });
    fails(SIXNET_STOPPED, "cancelled", [&] { net.predict(p.x); });
    fails(SIXNET_STOPPED, "cancelled", [&] { sixnet::predictor(net).predict(p.x); });
    net.cancel(false);
    expect(net.fit(opt, data, "epochs=1") && net.predict(p.x).size() == 128);
}

// ---- looking at it ----

void test_building_and_looking()
{
    sixnet::model net;
    const sixnet::node a = net.add("input shape=1x4x4 name=image");
    net.add("conv2d out_channels=2 kernel_size=3 padding=1 bias=false name=c");
    const sixnet::node b = net.add("conv2d out_channels=2 kernel_size=1", a);
    net.retain(b);
    const sixnet::node sum = net.add("add", {net.node_find("c"), b});
    expect(net.memory_needed(100) > net.memory_needed(100, false));
    net.compile();
    expect(a == 0 && sum == 3 && net.node_count() == 4 && net.node_shape(sum) == sixnet::shape{2, 4, 4});
    expect(net.node_get(b, "kind") == "conv2d" && net.model_text().find("from=c,conv2") != std::string_view::npos);
    expect(net.summary().find("Conv2d-1") != std::string_view::npos);
    expect(net.model_shape("input") == sixnet::shape{1, 4, 4} && net.model_shape("output") == sixnet::shape{2, 4, 4});
    expect(net.tensor_count() == 3 && net.tensor_name(1) == "conv2.weight" && net.tensor_trainable("c.weight"));
    expect(net.tensor_shape("c.weight") == sixnet::shape{2, 1, 3, 3});

    const std::vector<float> ones(16, 1.0f);
    std::vector<float> values(32), gradient(32), dy(32, 2.0f);
    std::vector<double> values64(32), gradient64(32);
    net.forward(ones);
    net.backward_from(dy);
    net.node_values(b, values);
    net.node_values(b, values64);
    net.node_gradient(b, gradient);
    net.node_gradient(b, gradient64);
    const float weight = net.tensor_data<float>("conv2.weight")[1] + net.tensor_data<float>("conv2.bias")[1];
    expect(std::fabs(values[31] - weight) < 1e-6f && values64[31] == double(values[31]));
    expect(gradient == dy && gradient64[0] == 2);
}

void test_tensors()
{
    sixnet::context ctx("dtype=f64 seed=9");
    sixnet::model net("input shape=2\nlinear out_features=2\nbatchnorm1d", ctx);
    const sixnet::view<const double> weight = net.tensor_data<double>("linear1.weight");
    net.tensor_set("linear1.weight", std::vector<double>{1, 2, 3, 1.0 / 3});
    double copy[4];
    float narrow[4];
    net.tensor_get("linear1.weight", copy);
    net.tensor_get("linear1.weight", narrow);
    expect(weight[3] == 1.0 / 3 && copy[3] == 1.0 / 3 && narrow[3] == 1.0f / 3 &&
           !net.tensor_trainable("bn1.running_mean"));
    fails(SIXNET_INVALID_ARGUMENT, "of double", [&] { net.tensor_data<float>("linear1.weight"); });
    fails(SIXNET_INVALID_ARGUMENT, "of float", [] { sixnet::model(regressor).tensor_data<double>("linear1.weight"); });
    expect(ctx.setting("seed") == "9" && ctx.setting("dtype") == "f64");
    fails(SIXNET_NOT_FOUND, "colour", [&] { ctx.setting("colour"); });
}

void test_profile()
{
    sixnet::model net(classifier);
    net.profile(true);
    net.predict(points(16).x);
    expect(net.profile_get(net.node_find("linear1"), "forward_samples") == 16);
    net.profile(false);
    expect(std::isnan(net.profile_get(1, "forward_samples")));
}

void test_diagnostics_and_history()
{
    sixnet::model net(classifier);
    sixnet::optimizer opt(net, "sgd lr=0.01");
    points some(32);
    for (float &x : some.x)
        x *= 1000;
    sixnet::dataset ds = sixnet::dataset::from_arrays({2}, some.x, {1}, some.t);
    expect(net.fit(opt, ds, "epochs=2 batch_size=16 diagnostics=true"));
    expect(net.history_size() == 2 && net.history_get(2, "lr") == 0.01 && std::isnan(net.history_get(3, "lr")));
    expect(net.diagnostics("name").at(0) == "input_too_large" &&
           net.diagnostics().at(0).find("normalize") != std::string::npos);
    expect(net.diagnostics("colour").empty());
}

void test_kinds()
{
    bool found = false;
    for (const sixnet::kind &k : sixnet::kinds("layer"))
        if (k.name == "conv2d") {
            const sixnet::attribute &a = k.attributes.at(0);
            found = a.name == "out_channels" && a.type == "int" && a.default_value == "required" &&
                    !(a.help + k.help).empty();
        }
    expect(found && sixnet::kinds("animals").empty() && !sixnet::kinds("options").empty());
    expect(sixnet_version() == std::string(sixnet::version()) && sixnet::version_number() == sixnet_version_number());
}

// ---- datasets ----

void test_datasets()
{
    const std::vector<std::int64_t> numbers{0, 1, 2, 3, 4, 5};
    sixnet::dataset plain = sixnet::dataset::from_arrays({2}, numbers, "scale=0.5");
    expect(plain.size() == 3 && plain.sample_shape() == sixnet::shape{2} && plain.target_shape().size() == 0);
    float x[2], t[3];
    plain.add_transform("normalize mean=1 std=2");
    plain.get_sample(2, x);
    expect(x[0] == 0.5f && x[1] == 0.75f);

    std::vector<double> borrowed(12);
    const std::vector<int> targets(9, 7);
    sixnet::dataset wide = sixnet::dataset::from_arrays({2, 2}, borrowed, {3}, targets, "copy=false");
    borrowed[4] = 8;
    float image[4];
    wide.get_sample(1, image, t);
    expect(image[0] == 8 && t[2] == 7 && wide.sample_shape() == sixnet::shape{2, 2} &&
           wide.target_shape() == sixnet::shape{3});
}

void test_batches()
{
    sixnet::dataset data = points(10).data();
    sixnet::batch_iterator batches(data, "batch_size=4 shuffle=false");
    batches.start_epoch(2);
    std::vector<std::int64_t> sizes;
    while (const auto batch = batches.next()) {
        expect(batch->inputs.size() == std::size_t(2 * batch->n) && batch->targets.size() == std::size_t(batch->n));
        sizes.push_back(batch->n);
    }
    expect(sizes == std::vector<std::int64_t>{4, 4, 2} &&
           batches.position() == std::pair<std::int64_t, std::int64_t>{2, 10});
    sixnet::dataset bare = sixnet::dataset::from_arrays({2}, points(10).x);
    sixnet::batch_iterator bare_batches(bare, "batch_size=3");
    bare_batches.start_epoch(1);
    expect(bare_batches.next()->targets.empty());
}

// ---- callbacks that throw ----

void test_progress_throws()
{
    sixnet::dataset data = points().data();
    sixnet::model net(classifier);
    sixnet::optimizer opt(net, "sgd lr=0.1");
    int calls = 0;
    throws_mine(1, [&] {
        net.fit(opt, data, "epochs=5", [&](const sixnet::progress &) -> bool {
            calls++;
            throw mine{1};
        });
    });
    expect(calls == 1);
    expect(net.fit(opt, data, "epochs=1"));
    throws_mine(2, [&] { // through a call that the callback itself makes
        net.fit(opt, data, "epochs=1", [&](const sixnet::progress &) {
            sixnet::dataset bad =
                sixnet::dataset::from_callback(4, {2}, {1}, [](std::int64_t, auto, auto) { throw mine{2}; });
            net.evaluate(bad);
            return false;
        });
    });
}

void test_samples_throw()
{
    const points p;
    const auto write = [&](std::int64_t i, sixnet::view<float> input, sixnet::view<float> target) {
        if (i == 40)
            throw mine{3};
        p.write(i, input, target);
    };
    sixnet::dataset data = sixnet::dataset::from_callback(64, {2}, {1}, write);
    sixnet::model net(classifier);
    sixnet::optimizer opt(net, "sgd lr=0.1");
    float x[2], t[1];
    data.get_sample(3, x, t);
    expect(x[1] == p.x[7]);
    throws_mine(3, [&] { data.get_sample(40, x, t); });
    throws_mine(3, [&] { net.fit(opt, data, "epochs=2"); });
    throws_mine(3, [&] { net.evaluate(data); });
    throws_mine(3, [&] {
        sixnet::batch_iterator batches(data, "batch_size=8 shuffle=false");
        batches.start_epoch(1);
        while (batches.next())
            ;
    });
}

void test_samples_in_double()
{
    constexpr double near = 1.6e9 + 1e-6;
    const auto write = [](std::int64_t i, sixnet::view<double> input, sixnet::view<double> target) {
        input[0] = near * static_cast<double>(i);
        target[0] = 0.1;
        if (i == 2)
            throw mine{3};
    };
    const sixnet::context ctx("dtype=f64");
    sixnet::dataset data = sixnet::dataset::from_callback_f64(3, {1}, {1}, write, ctx);
    double x[1], t[1];
    float rounded[1];
    data.get_sample(1, x, t);
    data.get_sample(1, rounded);
    expect(x[0] == near && t[0] == 0.1 && rounded[0] == static_cast<float>(near));
    throws_mine(3, [&] { data.get_sample(2, x, t); });
    sixnet::batch_iterator batches(data, "batch_size=2 shuffle=false");
    const auto batch = batches.next_f64();
    expect(batch && batch->n == 2 && batch->inputs[1] == near && batch->targets[0] == 0.1);
    throws_mine(3, [&] { batches.next_f64(); });
}

void test_files_throw()
{
    sixnet::model net(classifier);
    throws_mine(4, [&] { net.write([](const void *, std::size_t) { throw mine{4}; }); });
    throws_mine(5, [] { sixnet::model::read([](void *, std::size_t) -> std::size_t { throw mine{5}; }); });
}

void test_an_exception_stays_in_its_thread()
{
    sixnet::dataset bad = sixnet::dataset::from_callback(4, {2}, {1}, [](std::int64_t, auto, auto) { throw mine{6}; });
    int caught = 0;
    std::thread other([&] {
        float x[2];
        try {
            bad.get_sample(0, x);
        } catch (const mine &m) {
            caught = m.number;
        }
    });
    sixnet::model net(classifier);
    net.predict(points().x);
    other.join();
    expect(caught == 6);
}

void test_log_throws()
{
    points p;
    p.x[100] = std::numeric_limits<float>::quiet_NaN();
    sixnet::context ctx;
    std::vector<std::string> lines;
    ctx.set_log([&](std::int32_t level, const char *line) {
        lines.push_back(line);
        throw mine{level};
    });
    sixnet::model net(classifier, ctx);
    sixnet::optimizer opt(net, "sgd lr=0.1");
    sixnet::dataset data = p.data(ctx);
    throws_mine(1, [&] { net.fit(opt, data, "epochs=1 batch_size=8 on_nan=skip"); });
    expect(lines.size() == 1 && lines[0].find("the batch is skipped") != std::string::npos);
    ctx.set_log({});
    expect(net.fit(opt, data, "epochs=1 batch_size=8 on_nan=skip") && lines.size() == 1);
}

void test_settings_of_a_moved_context()
{
    sixnet::context one, two;
    one.set_log([](std::int32_t, const char *) {});
    two = std::move(one);
    two.set_log({});
    fails(SIXNET_INVALID_ARGUMENT, "moved from", [&] { one.set_log({}); });
    fails(SIXNET_INVALID_ARGUMENT, "moved from", [&] { one.register_layer("power", sixnet::layer<float>{}); });
}

// ---- layers in C++ ----

// y = w x^order, with a w for each value of a sample.
sixnet::layer<double> power()
{
    return {"order=2",
            [](sixnet::layer_setup &s) {
                if (s.attribute("order") < 1)
                    throw std::invalid_argument("order must be 1 or more");
                if (s.input_count() == 1)
                    s.parameter("weight", s.input_shape(0), 0.5, 1.5);
            },
            [](sixnet::layer_call<double> &call) {
                const auto x = call.input(), w = call.parameter();
                const auto y = call.output();
                for (std::size_t i = 0; i < x.size(); i++)
                    y[i] = w[i % w.size()] * std::pow(x[i], call.attribute("order"));
            },
            [](sixnet::layer_call<double> &call) {
                const double n = call.attribute("order");
                const auto x = call.input(), w = call.parameter(), dy = call.output_gradient();
                const auto dx = call.input_gradient(), dw = call.parameter_gradient();
                for (std::size_t i = 0; i < x.size(); i++) {
                    dx[i] = dy[i] * w[i % w.size()] * n * std::pow(x[i], n - 1);
                    dw[i % w.size()] += dy[i] * std::pow(x[i], n);
                }
            }};
}

void test_a_layer_of_ones_own()
{
    sixnet::context ctx("dtype=f64");
    ctx.register_layer("power", power());
    sixnet::model net("input shape=2\nlinear out_features=4\npower order=3 name=p\nlinear out_features=2\nmse", ctx);
    const points p(37);
    const std::vector<double> x(p.x.begin(), p.x.end());
    const sixnet::gradient_difference d = net.gradient_check(x, x);
    expect(d.worst < 1e-8 && !d.where.empty());
    expect(net.tensor_shape("p.weight") == sixnet::shape{4});
    try {
        sixnet::model("input shape=2\npower order=0", ctx);
        expect(false);
    } catch (const std::invalid_argument &e) {
        expect(std::string(e.what()) == "order must be 1 or more");
    }
    fails(SIXNET_INVALID_ARGUMENT, "relu", [&] { ctx.register_layer("relu", power()); });
}

void test_a_layers_shapes()
{
    sixnet::context ctx;
    bool trained = false;
    sixnet::layer<float> outer;
    outer.setup = [](sixnet::layer_setup &s) { s.output_shape({s.input_shape(0)[0], s.input_shape(1)[0]}); };
    outer.forward = [&](sixnet::layer_call<float> &call) {
        const auto a = call.input(0), b = call.input(1);
        const auto y = call.output();
        const auto m = std::size_t(call.output_shape()[0]), n = std::size_t(call.output_shape()[1]);
        trained = call.training();
        for (std::size_t i = 0; i < y.size(); i++)
            y[i] = a[i / n] * b[i / n / m * n + i % n];
    };
    ctx.register_layer("outer", outer);
    sixnet::model net("input shape=1 name=x\nlinear out_features=3 name=a\nlinear out_features=2 name=b from=x\n"
                      "outer from=a,b",
                      ctx);
    expect(net.model_shape("output") == sixnet::shape{3, 2});
    net.forward(std::vector<float>{1, 2});
    expect(trained);
    expect(net.predict(std::vector<float>{1, 2}).size() == 12 && !trained);
}

void test_layers_of_several_outputs()
{
    sixnet::context context("dtype=f64");
    sixnet::layer<double> halves;
    halves.setup = [](sixnet::layer_setup &s) {
        s.output_shape({1});
        s.add_output("rest", {2});
    };
    halves.forward = [](sixnet::layer_call<double> &call) {
        expect(call.output_shape() == sixnet::shape{1} && call.output_shape(1) == sixnet::shape{2});
        for (std::size_t n = 0; n < static_cast<std::size_t>(call.samples()); n++) {
            call.output(0)[n] = call.input()[3 * n];
            for (std::size_t i = 0; i < 2; i++)
                call.output(1)[2 * n + i] = 2 * call.input()[3 * n + 1 + i];
        }
    };
    halves.backward = [](sixnet::layer_call<double> &call) {
        for (std::size_t n = 0; n < static_cast<std::size_t>(call.samples()); n++) {
            call.input_gradient()[3 * n] = call.output_gradient(0)[n];
            for (std::size_t i = 0; i < 2; i++)
                call.input_gradient()[3 * n + 1 + i] = 2 * call.output_gradient(1)[2 * n + i];
        }
    };
    context.register_layer("halves", halves);
    sixnet::model net("input shape=3\nhalves name=h\nlinear out_features=2 from=h:rest\nconcat from=h,linear1\nmse",
                      context);
    const sixnet::node h = net.node_find("h");
    expect(net.node_output(h, "output") == h && net.node_output(h, "rest") == net.node_output(h, "1"));
    expect(net.node_shape(net.node_output(h, "rest")) == sixnet::shape{2});
    fails(SIXNET_NOT_FOUND, "", [&] { net.node_output(h, "third"); });
    const std::vector<double> x{1, 2, 3, -1, 0.5, 2}, t(6);
    expect(net.gradient_check(x, t).worst < 1e-8);
}

void test_settings_of_tensors()
{
    sixnet::context context("dtype=f64");
    sixnet::model net("input shape=2\nlinear out_features=2\nlinear out_features=1\nmse", context);
    net.set_tensors("linear1.*", "trainable=false");
    net.set_tensors("*.bias", "lr_scale=0.5 weight_decay=0");
    expect(!net.tensor_trainable("linear1.weight") && net.tensor_trainable("linear2.weight"));
    expect(net.tensor_setting("linear1.weight", "trainable") == 0 &&
           net.tensor_setting("linear1.weight", "parameter") == 1);
    expect(net.tensor_setting("linear2.bias", "lr_scale") == 0.5 &&
           net.tensor_setting("linear2.bias", "weight_decay") == 0);
    expect(net.tensor_setting("linear2.weight", "weight_decay") == -1);
    fails(SIXNET_NOT_FOUND, "linear3", [&] { net.tensor_setting("linear3.weight", "lr_scale"); });
    fails(SIXNET_NOT_FOUND, "conv", [&] { net.set_tensors("conv*", "trainable=false"); });
}

void test_layers_throw()
{
    sixnet::context ctx;
    int where = 0;
    const auto step = [&](int number) {
        if (where == number)
            throw mine{number};
    };
    sixnet::layer<float> touchy;
    touchy.setup = [&](sixnet::layer_setup &) { step(1); };
    touchy.forward = [&](sixnet::layer_call<float> &call) {
        step(2);
        std::copy(call.input().begin(), call.input().end(), call.output().begin());
    };
    touchy.backward = [&](sixnet::layer_call<float> &call) {
        step(3);
        const auto dy = call.output_gradient();
        std::copy(dy.begin(), dy.end(), call.input_gradient().begin());
    };
    ctx.register_layer("touchy", touchy);
    const char text[] = "input shape=2\nlinear out_features=2\ntouchy\ncross_entropy";
    sixnet::model net(text, ctx);
    sixnet::optimizer opt(net, "sgd lr=0.1");
    sixnet::dataset data = points().data(ctx);
    const std::function<void()> steps[] = {[&] { sixnet::model again(text, ctx); }, [&] { net.predict(points().x); },
                                           [&] { net.fit(opt, data, "epochs=1"); }};
    for (int i = 1; i <= 3; i++) {
        where = i;
        throws_mine(i, steps[i - 1]);
        where = 0;
        steps[i - 1]();
    }
}

// ---- files ----

void test_saving_and_loading()
{
    const folder here;
    sixnet::model net(classifier), other("input shape=2\nlinear out_features=8\ntanh\nlinear out_features=2 name=new");
    net.save(here / "net", "sync=false");
    expect(sixnet::model::load(here / "net").digest() == net.digest());
    const std::vector<unsigned char> file = net.save_to_buffer();
    expect(sixnet::model::load_from_buffer(file).digest() == net.digest());
    std::stringstream stream;
    net.write([&](const void *data, std::size_t size) {
        stream.write(static_cast<const char *>(data), std::streamsize(size));
    });
    expect(stream.str() == std::string(file.begin(), file.end()));
    sixnet::model read = sixnet::model::read([&](void *data, std::size_t size) {
        stream.read(static_cast<char *>(data), std::streamsize(size));
        return std::size_t(stream.gcount());
    });
    expect(read.digest() == net.digest() && read.predict(points(3).x).size() == 6);
    expect(other.load_weights(here / "net", "strict=false").find("missing: new.weight") != std::string::npos);
    fails(SIXNET_BAD_FILE, "new.weight", [&] { other.load_weights_from_buffer(file); });
    net.reset(77);
    expect(net.load_weights_from_buffer(file).empty() && net.digest() == read.digest());
}

void test_checkpoints()
{
    const folder here;
    sixnet::dataset data = points().data();
    sixnet::model net(classifier), again(classifier);
    sixnet::optimizer opt(net, "adam lr=0.01"), opt_again(again, "adam lr=0.01");
    sixnet::batch_iterator batches(data, "batch_size=16 seed=3"), batches_again(data, "batch_size=16 seed=3");
    const auto step = [](sixnet::model &m, sixnet::optimizer &o, const sixnet::batch &b) {
        m.zero_grad();
        m.forward(b.inputs);
        m.loss(b.targets);
        m.backward();
        o.step();
    };
    batches.start_epoch(1);
    step(net, opt, *batches.next());
    opt.checkpoint_save(net, here / "run", &batches, "sync=false");
    opt_again.checkpoint_load(again, here / "run", &batches_again);
    expect(again.digest() == net.digest() && batches_again.position() == batches.position());
    while (const auto batch = batches.next())
        step(net, opt, *batch);
    while (const auto batch = batches_again.next())
        step(again, opt_again, *batch);
    expect(again.digest() == net.digest());
}

const struct {
    const char *name;
    void (*run)();
} tests[] = {
    {"views", test_views},
    {"shapes", test_shapes},
    {"handles are moved", test_handles_are_moved},
    {"everything is freed in any order", test_everything_is_freed_in_any_order},
    {"functions live as long as their handles", test_functions_live_as_long_as_their_handles},
    {"errors", test_errors},
    {"sizes are checked", test_sizes_are_checked},
    {"fit and evaluate", test_fit_and_evaluate},
    {"the open loop", test_the_open_loop},
    {"a loss of one's own", test_a_loss_of_ones_own},
    {"predictions", test_predictions},
    {"predictors and copies", test_predictors_and_copies},
    {"cancelling", test_cancelling},
    {"building and looking", test_building_and_looking},
    {"tensors", test_tensors},
    {"profile", test_profile},
    {"diagnostics and history", test_diagnostics_and_history},
    {"kinds", test_kinds},
    {"datasets", test_datasets},
    {"batches", test_batches},
    {"progress throws", test_progress_throws},
    {"samples throw", test_samples_throw},
    {"samples in double", test_samples_in_double},
    {"files throw", test_files_throw},
    {"an exception stays in its thread", test_an_exception_stays_in_its_thread},
    {"log throws", test_log_throws},
    {"settings of a moved context", test_settings_of_a_moved_context},
    {"a layer of one's own", test_a_layer_of_ones_own},
    {"a layer's shapes", test_a_layers_shapes},
    {"layers of several outputs", test_layers_of_several_outputs},
    {"settings of tensors", test_settings_of_tensors},
    {"layers throw", test_layers_throw},
    {"saving and loading", test_saving_and_loading},
    {"checkpoints", test_checkpoints},
};

std::string result_of(void (*test)())
{
    try {
        test();
        return "";
    } catch (const failure &f) {
        return "line " + std::to_string(f.line) + ": " + f.what;
    } catch (const std::exception &e) {
        return std::string("threw ") + e.what();
    } catch (const mine &m) {
        return "threw " + std::to_string(m.number);
    }
}

} // namespace

int main()
{
    int failed = 0;
    for (const auto &test : tests) {
        const std::string wrong = result_of(test.run);
        failed += !wrong.empty();
        std::printf("%s  %s\n", wrong.empty() ? "pass" : "FAIL", test.name);
        if (!wrong.empty())
            std::printf("      %s\n", wrong.c_str());
    }
    return failed != 0;
}
