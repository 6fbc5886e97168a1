/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_SIXNET_HPP
#define SIXNET_SIXNET_HPP

/** @file
 * libsixnet for C++17. Each C handle has a class whose members are the functions of sixnet.h and layer.h, named without
 * the `sixnet_` prefix and the class name. sixnet.h documents them; comments here describe what C++ adds.
 *
 * **Handles** are RAII objects: movable, not copyable. Destroy them in any order; each keeps the objects and callbacks
 * it depends on alive. A moved-from handle is empty. get() returns the C handle, which the object continues to own.
 *
 * **Errors** are thrown as sixnet::error, which carries the status and the message. The objects of the call are
 * unchanged.
 *
 * **Callbacks** may throw: the exception aborts the running C call and is rethrown from the member function that made
 * it.
 *
 * **Arrays** are passed as views, to which any contiguous container converts. Sizes are checked against the shapes of
 * the net and the dataset. Functions for float and double are overloads of one name.
 *
 * **Threads** as in sixnet.h: a member does to its object what the C function does to its handle.
 */

#include <array>
#include <cstddef>
#include <cmath>
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "layer.h"

/** The C++ interface. */
namespace sixnet
{

// ---- errors ----

/** Exception of a failed call. */
class error : public std::runtime_error
{
public:
    error(std::int32_t status, const std::string &message, int system_error = 0)
        : std::runtime_error(message), status_(status), system_error_(system_error)
    {
    }
    /** The status, such as SIXNET_BAD_SHAPE. */
    std::int32_t status() const noexcept { return status_; }
    /** The name of the status, such as "SIXNET_BAD_SHAPE". */
    const char *status_name() const noexcept { return sixnet_status_name(status_); }
    /** The errno of the failed system call, such as ENOENT; 0 if no system call failed. */
    int system_error() const noexcept { return system_error_; }

private:
    std::int32_t status_;
    int system_error_;
};

/** Returns the version of the loaded library, "major.minor.patch". */
inline const char *version() noexcept { return sixnet_version(); }
/** Returns the version of the loaded library as major * 1000000 + minor * 1000 + patch. */
inline std::int32_t version_number() noexcept { return sixnet_version_number(); }

// ---- arguments ----

/** A string argument: a string literal or a std::string without NUL characters. Not copied. */
class text
{
public:
    text(const char *chars) noexcept : chars_(chars) {}
    text(const std::string &string) : chars_(string.c_str())
    {
        if (string.find('\0') != std::string::npos)
            throw error(SIXNET_INVALID_ARGUMENT, "a text with a NUL character");
    }
    /** The C string. */
    const char *c_str() const noexcept { return chars_; }

private:
    const char *chars_;
};

/** A non-owning view of contiguous values, like std::span. */
template <class T> class view
{
    template <class C> using element = std::remove_pointer_t<decltype(std::data(std::declval<C &>()))>;

public:
    constexpr view() noexcept = default;
    constexpr view(T *data, std::size_t size) noexcept : data_(data), size_(size) {}
    /** Views an array, std::vector, std::array, std::span, another view, or any type with data() and size(). */
    template <class C, class = std::enable_if_t<std::is_convertible_v<element<C> (*)[], T (*)[]>>>
    constexpr view(C &&values) noexcept : data_(std::data(values)), size_(std::size(values))
    {
    }

    constexpr T *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr T *begin() const noexcept { return data_; }
    constexpr T *end() const noexcept { return data_ + size_; }
    constexpr T &operator[](std::size_t i) const { return data_[i]; }

private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};

template <class C> view(C &&) -> view<std::remove_pointer_t<decltype(std::data(std::declval<C &>()))>>;
template <class T> view(T *, std::size_t) -> view<T>;

/** The shape of a sample, a target or a tensor: at most eight dimensions. */
class shape
{
public:
    shape() noexcept = default;
    shape(std::initializer_list<std::int64_t> dims) : shape(dims.begin(), dims.size()) {}
    shape(const std::int64_t *dims, std::size_t rank) : rank_(rank)
    {
        if (rank > dims_.size())
            throw error(SIXNET_BAD_SHAPE, "a shape of more than 8 dimensions");
        for (std::size_t k = 0; k < rank; k++)
            dims_[k] = dims[k];
    }

    std::size_t size() const noexcept { return rank_; }
    const std::int64_t *data() const noexcept { return dims_.data(); }
    const std::int64_t *begin() const noexcept { return dims_.data(); }
    const std::int64_t *end() const noexcept { return dims_.data() + rank_; }
    std::int64_t operator[](std::size_t i) const { return dims_[i]; }

    /** Returns the number of values in `samples` samples of this shape. Throws if a dimension is negative or the product
     * overflows. */
    std::int64_t count(std::int64_t samples = 1) const
    {
        std::int64_t product = samples;
        for (std::int64_t dim : *this) {
            if (dim < 0 || (dim > 0 && product > std::numeric_limits<std::int64_t>::max() / dim))
                throw error(SIXNET_BAD_SHAPE,
                            "the shape " + str() + " has more values than can be counted, or a negative dimension");
            product *= dim;
        }
        return product;
    }

    /** Returns the shape as text, such as "1x28x28". */
    std::string str() const
    {
        std::string words;
        for (std::int64_t dim : *this)
            words += (words.empty() ? "" : "x") + std::to_string(dim);
        return words;
    }

    friend bool operator==(const shape &a, const shape &b) noexcept { return a.rank_ == b.rank_ && a.dims_ == b.dims_; }
    friend bool operator!=(const shape &a, const shape &b) noexcept { return !(a == b); }

private:
    std::array<std::int64_t, 8> dims_{};
    std::size_t rank_ = 0;
};

/** A node of a model. */
using node = sixnet_node;
inline constexpr node none = SIXNET_NO_NODE; /**< no node: the input of an input layer */

namespace detail
{

// The exception that a callback threw in this thread, until the call that ran it returns.
inline thread_local std::exception_ptr pending;

inline std::int32_t check(std::int32_t status)
{
    if (pending)
        std::rethrow_exception(std::exchange(pending, nullptr));
    if (status < 0)
        throw error(status, sixnet_last_error(), sixnet_last_system_error());
    return status;
}

// Like check(), for a call that has no result if it was cancelled.
inline void check_whole(std::int32_t status)
{
    if (check(status) == SIXNET_STOPPED)
        throw error(SIXNET_STOPPED, "the call was cancelled");
}

// The result of a C function that returns NULL on failure; throws with that status.
template <class P> P *given(P *pointer, std::int32_t status)
{
    if (!pointer)
        check(status);
    return pointer;
}

// Runs a callback for the library: returns its result, or 1 if it throws.
template <class F> std::int32_t guarded(F &&function) noexcept
{
    if (pending)
        return 1;
    try {
        return function();
    } catch (...) {
        pending = std::current_exception();
        return 1;
    }
}

inline void release(sixnet_context *p) noexcept { sixnet_context_free(p); }
inline void release(sixnet_model *p) noexcept { sixnet_model_free(p); }
inline void release(sixnet_optimizer *p) noexcept { sixnet_optimizer_free(p); }
inline void release(sixnet_predictor *p) noexcept { sixnet_predictor_free(p); }
inline void release(sixnet_dataset *p) noexcept { sixnet_dataset_free(p); }
inline void release(sixnet_batch_iterator *p) noexcept { sixnet_batch_iterator_free(p); }

// Callbacks, kept alive by every handle that may call them.
using keep = std::shared_ptr<void>;

template <class T> struct deleter {
    keep functions;
    void operator()(T *p) const noexcept { release(p); }
};

template <class T> class object
{
public:
    /** Returns the C handle, which the object continues to own. */
    T *get() const noexcept { return handle_.get(); }
    /** False for a moved-from object. */
    explicit operator bool() const noexcept { return bool(handle_); }
    /** References that dependent objects must hold. */
    const keep &functions() const noexcept { return handle_.get_deleter().functions; }

protected:
    object(T *made, keep functions) noexcept : handle_(made, {std::move(functions)}) {}

    // Makes a handle with a creator of C that is given the place for it.
    template <class F> object(F &&create, keep functions) : object(static_cast<T *>(nullptr), std::move(functions))
    {
        T *made = nullptr;
        const std::int32_t status = create(&made);
        handle_.reset(made);
        check(status);
    }

private:
    std::unique_ptr<T, deleter<T>> handle_;
};

// The shape that a C function returns.
template <class F> shape shape_of(F &&function)
{
    std::int64_t dims[8];
    std::int32_t rank = 0;
    check(function(dims, &rank));
    return {dims, static_cast<std::size_t>(rank)};
}

// The number of samples of a size in so many values.
inline std::int64_t rows(std::size_t values, std::int64_t size, const char *what)
{
    const auto count = static_cast<std::int64_t>(values);
    if (size <= 0 || count % size != 0)
        throw error(SIXNET_BAD_SHAPE, std::string(what) + ": " + std::to_string(count) + " values are not samples of " +
                                          std::to_string(size));
    return count / size;
}

inline void must_be(std::size_t values, std::int64_t size, const char *what)
{
    if (static_cast<std::int64_t>(values) != size)
        throw error(SIXNET_BAD_SHAPE,
                    std::string(what) + ": " + std::to_string(values) + " values, not " + std::to_string(size));
}

// Sizes of a sample's input and output, and inference with checked sizes.
struct sample_sizes {
    std::int64_t input = 0, output = 0;

    template <class F, class H, class T> void predict(F *function, H *handle, view<const T> x, view<T> y) const
    {
        const std::int64_t n = rows(x.size(), input, "inputs");
        must_be(y.size(), n * output, "outputs");
        check_whole(function(handle, x.data(), n, y.data()));
    }
    template <class F, class H, class T> std::vector<T> predict(F *function, H *handle, view<const T> x) const
    {
        std::vector<T> y(static_cast<std::size_t>(rows(x.size(), input, "inputs") * output));
        predict<F, H, T>(function, handle, x, y);
        return y;
    }
};

template <class V> std::int64_t size_of(const V &values) noexcept { return static_cast<std::int64_t>(values.size()); }

// The name of an element type in specs.
template <class T> constexpr const char *dtype() noexcept
{
    constexpr bool whole = std::is_integral_v<T> && std::is_signed_v<T>;
    if constexpr (std::is_same_v<T, float>)
        return "f32";
    else if constexpr (std::is_same_v<T, double>)
        return "f64";
    else if constexpr (std::is_same_v<T, std::uint8_t>)
        return "u8";
    else {
        static_assert(whole && (sizeof(T) == 4 || sizeof(T) == 8),
                      "values are float, double, uint8_t, int32_t or int64_t");
        return sizeof(T) == 4 ? "i32" : "i64";
    }
}

// "input_dtype=f32 shape=2 "
template <class T> std::string array_spec(const char *what, const char *shape_name, const shape &sample)
{
    return std::string(what) + "=" + dtype<std::remove_const_t<T>>() + " " + shape_name + "=" + sample.str() + " ";
}

} // namespace detail

// ---- kinds ----

/** One attribute of a kind; see sixnet_attribute_field(). */
struct attribute {
    std::string name, type, default_value, range, help;
};

/** A kind of the text interface, with its attributes. */
struct kind {
    std::string name, help;
    std::vector<attribute> attributes;
};

/** Returns all kinds of a family: "layer", "loss", "optimizer", "schedule", "transform" or "options". */
inline std::vector<kind> kinds(text family)
{
    std::vector<kind> found;
    while (const char *name = sixnet_kind_field(family.c_str(), static_cast<std::int32_t>(found.size()), "name")) {
        found.push_back({name, sixnet_kind_field(family.c_str(), static_cast<std::int32_t>(found.size()), "help"), {}});
        const auto field = [&](const char *key) {
            const char *value = sixnet_attribute_field(family.c_str(), name,
                                                       static_cast<std::int32_t>(found.back().attributes.size()), key);
            return std::string(value ? value : "");
        };
        while (!field("name").empty())
            found.back().attributes.push_back(
                {field("name"), field("type"), field("default"), field("range"), field("help")});
    }
    return found;
}

// ---- custom layers ----

/** Argument of a custom layer's setup function; see layer.h. */
class layer_setup
{
public:
    explicit layer_setup(sixnet_layer_setup *setup) noexcept : setup_(setup) {}
    std::int32_t input_count() const noexcept { return sixnet_layer_setup_input_count(setup_); }
    shape input_shape(std::int32_t index) const
    {
        return detail::shape_of([&](auto... out) { return sixnet_layer_setup_input_shape(setup_, index, out...); });
    }
    double attribute(text name) const noexcept { return sixnet_layer_setup_attribute(setup_, name.c_str()); }
    void output_shape(const shape &s)
    {
        detail::check(sixnet_layer_setup_set_output_shape(setup_, s.data(), static_cast<std::int32_t>(s.size())));
    }
    /** Adds an output after the first. */
    void add_output(text name, const shape &s)
    {
        detail::check(
            sixnet_layer_setup_add_output(setup_, name.c_str(), s.data(), static_cast<std::int32_t>(s.size())));
    }
    void parameter(text name, const shape &s, double low, double high)
    {
        detail::check(sixnet_layer_setup_add_parameter(setup_, name.c_str(), s.data(),
                                                       static_cast<std::int32_t>(s.size()), low, high));
    }

private:
    sixnet_layer_setup *setup_;
};

/** Argument of a custom layer's forward and backward functions; see layer.h. T is the layer's element type. */
template <class T> class layer_call
{
public:
    explicit layer_call(sixnet_layer_call *call) noexcept : call_(call) {}
    std::int64_t samples() const noexcept { return sixnet_layer_call_sample_count(call_); }
    bool training() const noexcept { return sixnet_layer_call_is_training(call_) != 0; }
    double attribute(text name) const noexcept { return sixnet_layer_call_attribute(call_, name.c_str()); }

    shape input_shape(std::int32_t index) const { return shape_at(sixnet_layer_call_input_shape, index); }
    shape parameter_shape(std::int32_t index) const { return shape_at(sixnet_layer_call_parameter_shape, index); }
    shape output_shape(std::int32_t index = 0) const { return shape_at(sixnet_layer_call_output_shape, index); }

    view<const T> input(std::int32_t index = 0) const
    {
        return of<const T>(sixnet_layer_call_input(call_, index), samples(), input_shape(index));
    }
    view<const T> parameter(std::int32_t index = 0) const
    {
        return of<const T>(sixnet_layer_call_parameter(call_, index), 1, parameter_shape(index));
    }
    /** Written by forward, read by backward. */
    view<T> output(std::int32_t index = 0) const
    {
        return of<T>(sixnet_layer_call_output(call_, index), samples(), output_shape(index));
    }
    view<const T> output_gradient(std::int32_t index = 0) const
    {
        return of<const T>(sixnet_layer_call_output_gradient(call_, index), samples(), output_shape(index));
    }
    /** To be written by backward. */
    view<T> input_gradient(std::int32_t index = 0) const
    {
        return of<T>(sixnet_layer_call_input_gradient(call_, index), samples(), input_shape(index));
    }
    /** Initially zero, to be added to by backward. */
    view<T> parameter_gradient(std::int32_t index = 0) const
    {
        return of<T>(sixnet_layer_call_parameter_gradient(call_, index), 1, parameter_shape(index));
    }

private:
    template <class F> shape shape_at(F *function, std::int32_t index) const
    {
        return detail::shape_of([&](auto... out) { return function(call_, index, out...); });
    }
    template <class E, class P> static view<E> of(P *memory, std::int64_t n, const shape &s)
    {
        return {static_cast<E *>(memory), memory ? static_cast<std::size_t>(s.count(n)) : 0};
    }

    sixnet_layer_call *call_;
};

/** A custom layer on values of type T, float or double. */
template <class T> struct layer {
    std::string attributes;                        /**< such as "beta=1 order=2" */
    std::function<void(layer_setup &)> setup;      /**< throws to reject the inputs; may be empty */
    std::function<void(layer_call<T> &)> forward;  /**< writes the outputs */
    std::function<void(layer_call<T> &)> backward; /**< may be empty for a layer used for inference only */
};

namespace detail
{

template <class T> struct layer_thunks {
    static std::int32_t setup(void *user, sixnet_layer_setup *pointer) noexcept
    {
        return guarded([&] {
            layer_setup given(pointer);
            try {
                static_cast<const layer<T> *>(user)->setup(given);
            } catch (const std::exception &e) {
                sixnet_layer_setup_fail(pointer, e.what());
                throw;
            }
            return 0;
        });
    }

    template <std::function<void(layer_call<T> &)> layer<T>::*member>
    static std::int32_t run(void *user, sixnet_layer_call *pointer) noexcept
    {
        return guarded([&] {
            layer_call<T> call(pointer);
            (static_cast<const layer<T> *>(user)->*member)(call);
            return 0;
        });
    }
};

} // namespace detail

// ---- context ----

/** Receives one log line. level: 0 information, 1 warning. */
using log_fn = std::function<void(std::int32_t level, const char *line)>;

/** Resources and settings: allocator, threads, instruction set, dtype, seed, log. A context argument defaults to a new
 * context without options. */
class context : public detail::object<sixnet_context>
{
public:
    explicit context(text options = "")
        : object([&](auto out) { return sixnet_context_new(out, options.c_str()); }, std::make_shared<household>())
    {
    }
    /** Creates a context with an allocator, whose functions must not throw. */
    context(text options, sixnet_malloc_fn malloc_fn, sixnet_free_fn free_fn, void *user)
        : object(
              [&](auto out) {
                  return sixnet_context_new_with_allocator(out, options.c_str(), malloc_fn, free_fn, user);
              },
              std::make_shared<household>())
    {
    }

    /** Sets the log callback; an empty function disables logging. */
    void set_log(log_fn fn)
    {
        const auto write = [](void *user, std::int32_t level, const char *line) {
            detail::guarded([&] {
                (*static_cast<const log_fn *>(user))(level, line);
                return 0;
            });
        };
        log_fn &log = mine().log;
        detail::check(sixnet_context_set_log(get(), nullptr, nullptr));
        log = std::move(fn);
        if (log)
            detail::check(sixnet_context_set_log(get(), write, &log));
    }

    /** Returns one setting in effect: "isa", "dtype", "convolution", "threads", "seed" or "max_memory". */
    std::string_view setting(text key) const
    {
        return detail::given(sixnet_context_get(get(), key.c_str()), SIXNET_NOT_FOUND);
    }

    /** Registers a custom layer for all models of this context. */
    template <class T> void register_layer(text name, layer<T> l)
    {
        static_assert(std::is_floating_point_v<T>, "a layer's values are float or double");
        using thunks = detail::layer_thunks<T>;
        auto kept = std::make_shared<layer<T>>(std::move(l));
        mine().layers.push_back(kept);
        detail::check(sixnet_context_register_layer(
            get(), name.c_str(), kept->attributes.c_str(), detail::dtype<T>(), kept->setup ? thunks::setup : nullptr,
            kept->forward ? thunks::template run<&layer<T>::forward> : nullptr,
            kept->backward ? thunks::template run<&layer<T>::backward> : nullptr, kept.get()));
    }

private:
    // The functions that the library calls for a context.
    struct household {
        log_fn log;
        std::vector<detail::keep> layers;
    };

    household &mine() const
    {
        if (!functions())
            throw error(SIXNET_INVALID_ARGUMENT, "this context was moved from");
        return *static_cast<household *>(functions().get());
    }
};

// ---- datasets ----

/** Produces one sample: writes its values and those of its target. */
using sample_fn = std::function<void(std::int64_t index, view<float> input, view<float> target)>;
/** Like sample_fn, in double. */
using sample_f64_fn = std::function<void(std::int64_t index, view<double> input, view<double> target)>;

/** A sequence of samples with optional targets. */
class dataset : public detail::object<sixnet_dataset>
{
public:
    /** Reads samples from a path: a folder of images, an image or an IDX file, by its content.
     * @param options options kind "dataset_open": `channels`, `bits`, `resize`, `labels` */
    static dataset open(text path, text options = "", const context &ctx = context())
    {
        return {[&](auto out) { return sixnet_dataset_open(out, ctx.get(), path.c_str(), options.c_str()); },
                ctx.functions()};
    }

    /** Reads a pair of IDX files. */
    static dataset from_idx(text images, text labels, const context &ctx = context())
    {
        return {[&](auto out) { return sixnet_dataset_from_idx(out, ctx.get(), images.c_str(), labels.c_str()); },
                ctx.functions()};
    }

    /** Creates a dataset from arrays of float, double, uint8_t, int32_t or int64_t, which are copied by default.
     * @param sample,target the shapes of one sample and of one target
     * @param options further attributes of the options kind "dataset_from_arrays": `scale`, and copy=false to borrow
     *         the arrays */
    template <class X, class T>
    static dataset from_arrays(const shape &sample, const X &inputs, const shape &target, const T &targets,
                               text options = "", const context &ctx = context())
    {
        const view x(inputs);
        const view t(targets);
        const std::int64_t n = detail::rows(x.size(), sample.count(), "inputs");
        detail::must_be(t.size(), target.count(n), "targets");
        return of_arrays(
            detail::array_spec<std::remove_pointer_t<decltype(x.data())>>("input_dtype", "shape", sample) +
                detail::array_spec<std::remove_pointer_t<decltype(t.data())>>("target_dtype", "target_shape", target) +
                options.c_str(),
            ctx, {x.data(), t.data(), n});
    }

    /** Creates a dataset without targets. */
    template <class X>
    static dataset from_arrays(const shape &sample, const X &inputs, text options = "", const context &ctx = context())
    {
        const view x(inputs);
        return of_arrays(detail::array_spec<std::remove_pointer_t<decltype(x.data())>>("input_dtype", "shape", sample) +
                             options.c_str(),
                         ctx, {x.data(), nullptr, detail::rows(x.size(), sample.count(), "inputs")});
    }

    /** Creates a dataset of n samples that a callback produces on demand; the same index must give the same sample. */
    static dataset from_callback(std::int64_t n, const shape &sample, const shape &target, sample_fn fn,
                                 const context &ctx = context())
    {
        return of_function<float>(sixnet_dataset_from_callback, {n, sample, target}, std::move(fn), ctx);
    }
    /** Like from_callback() with float, for a callback that produces double. */
    static dataset from_callback_f64(std::int64_t n, const shape &sample, const shape &target, sample_f64_fn fn,
                                     const context &ctx = context())
    {
        return of_function<double>(sixnet_dataset_from_callback_f64, {n, sample, target}, std::move(fn), ctx);
    }

    /** Splits the samples into two datasets, by options such as "first_size=50000 seed=1". */
    std::pair<dataset, dataset> split(text options)
    {
        sixnet_dataset *first = nullptr, *second = nullptr;
        const std::int32_t status = sixnet_dataset_split(&first, &second, get(), options.c_str());
        std::pair<dataset, dataset> parts{dataset(first, functions()), dataset(second, functions())};
        detail::check(status);
        return parts;
    }

    /** Appends a transform applied to every sample, such as "normalize mean=0.1307 std=0.3081". */
    void add_transform(text spec) { detail::check(sixnet_dataset_add_transform(get(), spec.c_str())); }

    std::int64_t size() const noexcept { return sixnet_dataset_size(get()); }

    /** Returns the name of the class with this label; empty if there is none. */
    std::string class_name(std::int64_t index) const
    {
        const char *const name = sixnet_dataset_class_name(get(), index);
        return name ? name : "";
    }
    shape sample_shape() const { return shapes().first; }
    /** Returns the shape of a target; no dimensions for data without targets. */
    shape target_shape() const { return shapes().second; }

    /** Copies out one transformed sample, and its target unless that view is empty. */
    void get_sample(std::int64_t index, view<float> input, view<float> target = {}) const
    {
        copy_sample(sixnet_dataset_get_sample, index, input, target);
    }
    void get_sample(std::int64_t index, view<double> input, view<double> target = {}) const
    {
        copy_sample(sixnet_dataset_get_sample_f64, index, input, target);
    }

private:
    using object::object;

    template <class T> struct source {
        std::function<void(std::int64_t, view<T>, view<T>)> fn;
        std::size_t input_size, target_size;
        detail::keep context;

        static std::int32_t write(void *user, std::int64_t index, T *input, T *target) noexcept
        {
            const auto *s = static_cast<const source *>(user);
            return detail::guarded([&] {
                s->fn(index, {input, s->input_size}, {target, s->target_size});
                return 0;
            });
        }
    };

    struct form {
        std::int64_t n;
        const shape &sample, &target;
    };
    template <class T, class C>
    static dataset of_function(C *create, const form &f, std::function<void(std::int64_t, view<T>, view<T>)> fn,
                               const context &ctx)
    {
        auto kept = std::make_shared<source<T>>(source<T>{std::move(fn), static_cast<std::size_t>(f.sample.count()),
                                                          static_cast<std::size_t>(f.target.count()), ctx.functions()});
        const std::string spec = "shape=" + f.sample.str() + " target_shape=" + f.target.str();
        return {[&](auto out) { return create(out, ctx.get(), spec.c_str(), f.n, source<T>::write, kept.get()); },
                kept};
    }

    template <class T, class C> void copy_sample(C *copy, std::int64_t index, view<T> input, view<T> target) const
    {
        const auto [sample, answer] = shapes();
        detail::must_be(input.size(), sample.count(), "input");
        if (target.data())
            detail::must_be(target.size(), answer.count(), "target");
        detail::check(copy(get(), index, input.data(), target.data()));
    }

    struct arrays {
        const void *inputs, *targets;
        std::int64_t n;
    };
    static dataset of_arrays(const std::string &spec, const context &ctx, const arrays &a)
    {
        const auto create = [&](auto out) {
            return sixnet_dataset_from_arrays(out, ctx.get(), spec.c_str(), a.inputs, a.targets, a.n);
        };
        return {create, ctx.functions()};
    }

    std::pair<shape, shape> shapes() const
    {
        std::int64_t target[8];
        std::int32_t rank = 0;
        const shape sample =
            detail::shape_of([&](auto... out) { return sixnet_dataset_shape(get(), out..., target, &rank); });
        return {sample, {target, static_cast<std::size_t>(rank)}};
    }
};

/** A batch of samples. */
template <class T> struct basic_batch {
    view<const T> inputs, targets; /**< valid until the iterator's next batch; targets may be empty */
    std::int64_t n;                /**< number of samples */
};
using batch = basic_batch<float>;
using batch_f64 = basic_batch<double>;

/** Yields the samples of a dataset in batches. */
class batch_iterator : public detail::object<sixnet_batch_iterator>
{
public:
    batch_iterator(dataset &ds, text options)
        : object([&](auto out) { return sixnet_batch_iterator_new(out, ds.get(), options.c_str()); }, ds.functions()),
          input_size_(ds.sample_shape().count()), target_size_(ds.target_shape().count())
    {
    }

    /** Starts an epoch. */
    void start_epoch(std::int64_t epoch) { detail::check(sixnet_batch_iterator_start_epoch(get(), epoch)); }

    /** Returns the next batch; std::nullopt at the end of the epoch. */
    std::optional<batch> next() { return next_of<float>(sixnet_batch_iterator_next); }
    std::optional<batch_f64> next_f64() { return next_of<double>(sixnet_batch_iterator_next_f64); }

    /** Returns the epoch and the number of its samples that were yielded. */
    std::pair<std::int64_t, std::int64_t> position() const
    {
        std::pair<std::int64_t, std::int64_t> place;
        detail::check(sixnet_batch_iterator_position(get(), &place.first, &place.second));
        return place;
    }

private:
    template <class T, class F> std::optional<basic_batch<T>> next_of(F *function)
    {
        const T *x = nullptr, *t = nullptr;
        std::int64_t n = 0;
        detail::check(function(get(), &x, &t, &n));
        if (n == 0)
            return std::nullopt;
        return basic_batch<T>{
            {x, static_cast<std::size_t>(n * input_size_)}, {t, t ? static_cast<std::size_t>(n * target_size_) : 0}, n};
    }

    std::int64_t input_size_, target_size_;
};

// ---- model ----

/** State of a running fit(); valid during the callback only. */
class progress
{
public:
    explicit progress(const sixnet_progress *p) noexcept : p_(p) {}
    /** Returns one number of sixnet_progress_get(): p["loss"]. */
    double operator[](text key) const noexcept { return sixnet_progress_get(p_, key.c_str()); }

private:
    const sixnet_progress *p_;
};

/** Called after every batch and at the end of every epoch; return true to stop. */
using progress_fn = std::function<bool(const progress &)>;

/** Receives the next bytes of a file. */
using write_fn = std::function<void(const void *data, std::size_t size)>;
/** Reads up to size bytes of a file and returns their number; 0 at the end. */
using read_fn = std::function<std::size_t(void *data, std::size_t size)>;

/** Result of evaluate(); accuracy is NaN for a loss without accuracy, such as mse. */
struct evaluation {
    double loss, accuracy;
};

/** The largest difference between an analytic and a numeric gradient, and the name of its value. */
struct gradient_difference {
    double worst;
    std::string where;
};

class optimizer;

/** A net: a graph of layers with their tensors. */
class model : public detail::object<sixnet_model>
{
public:
    /** Creates an empty model, to be built with add() and compile(). */
    explicit model(const context &ctx = context())
        : model(ctx, [&](auto out) { return sixnet_model_new(out, ctx.get()); })
    {
    }

    /** Parses a net's text and compiles it. */
    explicit model(text net, const context &ctx = context())
        : model(ctx, [&](auto out) { return sixnet_model_parse(out, ctx.get(), net.c_str()); })
    {
        find_ends();
    }

    /** Loads a model from a file. */
    static model load(text path, text options = "", const context &ctx = context())
    {
        return loaded(ctx, [&](auto out) { return sixnet_model_load(out, ctx.get(), path.c_str(), options.c_str()); });
    }
    /** Loads a model from a file in memory. */
    static model load_from_buffer(view<const unsigned char> file, text options = "", const context &ctx = context())
    {
        const auto create = [&](auto out) {
            return sixnet_model_load_from_buffer(out, ctx.get(), file.data(), file.size(), options.c_str());
        };
        return loaded(ctx, create);
    }
    /** Loads a model through a callback. */
    static model read(const read_fn &fn, text options = "", const context &ctx = context())
    {
        const auto portion = [](void *user, void *data, std::uint64_t size) {
            std::int64_t count = -1;
            detail::guarded([&] {
                count = static_cast<std::int64_t>(
                    (*static_cast<const read_fn *>(user))(data, static_cast<std::size_t>(size)));
                return 0;
            });
            return count;
        };
        const auto create = [&](auto out) {
            return sixnet_model_load_from_stream(out, ctx.get(), portion, const_cast<read_fn *>(&fn), options.c_str());
        };
        return loaded(ctx, create);
    }

    /** Creates an independent copy; training both with the same data gives bit-identical results. */
    model copy() const
    {
        model twin([&](auto out) { return sixnet_model_copy(out, get()); }, functions(), is_f64_);
        twin.find_ends();
        return twin;
    }

    // building

    /** Appends a layer whose input is the node added last. */
    node add(text spec) { return add(spec, node_count() - 1); }
    /** Appends a layer whose input is the given node. */
    node add(text spec, node input) { return added(sixnet_model_add(get(), spec.c_str(), input)); }
    /** Appends a layer with several inputs. */
    node add(text spec, std::initializer_list<node> inputs)
    {
        return added(
            sixnet_model_add_multi(get(), spec.c_str(), inputs.begin(), static_cast<std::int32_t>(inputs.size())));
    }
    void retain(node n) { detail::check(sixnet_node_retain(get(), n)); }
    void compile()
    {
        detail::check(sixnet_model_compile(get()));
        find_ends();
    }
    /** Returns the memory in bytes that a pass over n samples will use. */
    std::uint64_t memory_needed(std::int64_t n, bool training = true)
    {
        std::uint64_t bytes = 0;
        detail::check(sixnet_model_memory_needed(get(), n, training, &bytes));
        return bytes;
    }
    void reset(std::uint64_t seed) { detail::check(sixnet_model_reset(get(), seed)); }

    // looking at it

    std::string_view summary() { return detail::given(sixnet_model_summary(get()), SIXNET_BAD_STATE); }
    std::string_view model_text() { return detail::given(sixnet_model_text(get()), SIXNET_BAD_STATE); }
    std::int32_t node_count() const noexcept { return sixnet_node_count(get()); }
    node node_find(text name) const
    {
        const node found = sixnet_node_find(get(), name.c_str());
        detail::check(found < 0 ? SIXNET_NOT_FOUND : SIXNET_OK);
        return found;
    }
    std::string_view node_get(node n, text field) const
    {
        return detail::given(sixnet_node_get(get(), n, field.c_str()), SIXNET_NOT_FOUND);
    }
    /** Returns an output of a node by name or number; the node itself stands for the first. */
    node node_output(node n, text output) const
    {
        const node found = sixnet_node_output(get(), n, output.c_str());
        if (found == SIXNET_NO_NODE)
            detail::check(SIXNET_NOT_FOUND);
        return found;
    }
    shape node_shape(node n) const
    {
        return detail::shape_of([&](auto... out) { return sixnet_node_shape(get(), n, out...); });
    }
    /** Returns the per-sample shape of "input", "output" or "target". */
    shape model_shape(text end) const
    {
        return detail::shape_of([&](auto... out) { return sixnet_model_shape(get(), end.c_str(), out..., nullptr); });
    }
    void node_values(node n, view<float> to) const
    {
        detail::check(sixnet_node_values(get(), n, to.data(), detail::size_of(to)));
    }
    void node_values(node n, view<double> to) const
    {
        detail::check(sixnet_node_values_f64(get(), n, to.data(), detail::size_of(to)));
    }
    void node_gradient(node n, view<float> to) const
    {
        detail::check(sixnet_node_gradient(get(), n, to.data(), detail::size_of(to)));
    }
    void node_gradient(node n, view<double> to) const
    {
        detail::check(sixnet_node_gradient_f64(get(), n, to.data(), detail::size_of(to)));
    }

    // tensors

    std::int32_t tensor_count() const noexcept { return sixnet_tensor_count(get()); }
    std::string_view tensor_name(std::int32_t index) const
    {
        const char *name = sixnet_tensor_name(get(), index);
        if (!name)
            throw error(SIXNET_NOT_FOUND, "there is no tensor of number " + std::to_string(index));
        return name;
    }
    shape tensor_shape(text name) const
    {
        return detail::shape_of([&](auto... out) { return sixnet_tensor_shape(get(), name.c_str(), out..., nullptr); });
    }
    bool tensor_trainable(text name) const
    {
        std::int32_t trainable = 0;
        detail::shape_of([&](auto... out) { return sixnet_tensor_shape(get(), name.c_str(), out..., &trainable); });
        return trainable != 0;
    }
    /** Sets how the tensors that match a pattern are trained: set_tensors("conv1.*", "trainable=false"). */
    void set_tensors(text pattern, text settings)
    {
        detail::check(sixnet_model_set_tensors(get(), pattern.c_str(), settings.c_str()));
    }
    /** Returns a setting of a tensor: "trainable", "lr_scale", "weight_decay" or "parameter". */
    double tensor_setting(text name, text key) const
    {
        const double value = sixnet_tensor_setting(get(), name.c_str(), key.c_str());
        if (std::isnan(value))
            detail::check(SIXNET_NOT_FOUND);
        return value;
    }
    void tensor_get(text name, view<float> to) const
    {
        detail::check(sixnet_tensor_get(get(), name.c_str(), to.data(), detail::size_of(to)));
    }
    void tensor_get(text name, view<double> to) const
    {
        detail::check(sixnet_tensor_get_f64(get(), name.c_str(), to.data(), detail::size_of(to)));
    }
    void tensor_set(text name, view<const float> from)
    {
        detail::check(sixnet_tensor_set(get(), name.c_str(), from.data(), detail::size_of(from)));
    }
    void tensor_set(text name, view<const double> from)
    {
        detail::check(sixnet_tensor_set_f64(get(), name.c_str(), from.data(), detail::size_of(from)));
    }
    void tensor_gradient(text name, view<float> to) const
    {
        detail::check(sixnet_tensor_gradient(get(), name.c_str(), to.data(), detail::size_of(to)));
    }
    void tensor_gradient(text name, view<double> to) const
    {
        detail::check(sixnet_tensor_gradient_f64(get(), name.c_str(), to.data(), detail::size_of(to)));
    }
    /** Returns a view of a tensor's storage. T must match the context's dtype. */
    template <class T> view<const T> tensor_data(text name) const
    {
        static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>, "tensors are of float or double");
        if (std::is_same_v<T, double> != is_f64_)
            throw error(SIXNET_INVALID_ARGUMENT,
                        is_f64_ ? "this model's tensors are of double" : "this model's tensors are of float");
        std::int64_t count = 0;
        const void *memory = detail::given(sixnet_tensor_data(get(), name.c_str(), &count), SIXNET_NOT_FOUND);
        return {static_cast<const T *>(memory), static_cast<std::size_t>(count)};
    }
    std::string digest() const
    {
        char digits[65] = "";
        detail::check(sixnet_model_digest(get(), digits));
        return digits;
    }

    // the open loop

    void forward(view<const float> x) { forwarded(x, sixnet_model_forward); }
    void forward(view<const double> x) { forwarded(x, sixnet_model_forward_f64); }
    /** Computes the loss of the last forward(). */
    double loss(view<const float> t) { return loss_of(t, sixnet_model_loss); }
    double loss(view<const double> t) { return loss_of(t, sixnet_model_loss_f64); }
    void backward() { detail::check(sixnet_model_backward(get())); }
    void backward_from(view<const float> dy) { backward_of(dy, sixnet_model_backward_from); }
    void backward_from(view<const double> dy) { backward_of(dy, sixnet_model_backward_from_f64); }
    void zero_grad() { detail::check(sixnet_model_zero_grad(get())); }

    /** Runs inference into y, which must hold the outputs of all samples. */
    void predict(view<const float> x, view<float> y) { sizes_.predict(sixnet_model_predict, get(), x, y); }
    void predict(view<const double> x, view<double> y) { sizes_.predict(sixnet_model_predict_f64, get(), x, y); }
    std::vector<float> predict(view<const float> x) { return sizes_.predict(sixnet_model_predict, get(), x); }
    std::vector<double> predict(view<const double> x) { return sizes_.predict(sixnet_model_predict_f64, get(), x); }

    /** Requests or clears cancellation: fit() then returns false, other members throw an error with status
     * SIXNET_STOPPED. */
    void cancel(bool on = true) const noexcept { sixnet_model_cancel(get(), on); }

    gradient_difference gradient_check(view<const double> x, view<const double> t)
    {
        double worst = 0;
        const char *where = "";
        const std::int64_t n = detail::rows(x.size(), sizes_.input, "inputs");
        detail::must_be(t.size(), n * target_size_, "targets");
        detail::check_whole(sixnet_model_gradient_check(get(), x.data(), t.data(), n, &worst, &where));
        return {worst, where};
    }

    // where the time goes

    void profile(bool on) { detail::check(sixnet_model_profile(get(), on)); }
    double profile_get(node n, text key) const noexcept { return sixnet_model_profile_get(get(), n, key.c_str()); }

    // training

    /** Trains the net. Returns true if the run completed, false if fn or cancel() stopped it. */
    bool fit(optimizer &opt, dataset &train, text options, const progress_fn &fn = {});
    /** Trains the net, and evaluates it on a second dataset at the end of every epoch. */
    bool fit(optimizer &opt, dataset &train, dataset &validation, text options, const progress_fn &fn = {});

    /** The number of epochs that the last fit() completed, and one number of sixnet_model_history_get(). */
    std::int64_t history_size() const noexcept { return sixnet_model_history_size(get()); }
    double history_get(std::int64_t epoch, text key) const noexcept
    {
        return sixnet_model_history_get(get(), epoch, key.c_str());
    }

    /** Returns the problems that the last fit() with diagnostics=true found: the texts, or another field of
     * sixnet_model_diagnostic(). */
    std::vector<std::string> diagnostics(text field = "text") const
    {
        std::vector<std::string> all;
        while (const char *found = sixnet_model_diagnostic(get(), static_cast<std::int32_t>(all.size()), field.c_str()))
            all.emplace_back(found);
        return all;
    }

    evaluation evaluate(dataset &ds)
    {
        evaluation e{};
        detail::check_whole(sixnet_model_evaluate(get(), ds.get(), &e.loss, &e.accuracy));
        return e;
    }

    /** Evaluates the net and computes metrics, by options such as "top_k=3"; returns all of them as JSON. metric() reads one. */
    std::string metrics(dataset &ds, text options = "")
    {
        const char *json = nullptr;
        detail::check_whole(sixnet_model_metrics(get(), ds.get(), options.c_str(), &json));
        return json;
    }
    /** Returns one number of the last metrics(), such as "f1" or "confusion[2,0]"; NaN if there is none. */
    double metric(text name) const noexcept { return sixnet_model_metric(get(), name.c_str()); }

    // files

    void save(text path, text options = "") const
    {
        detail::check(sixnet_model_save(get(), path.c_str(), options.c_str()));
    }
    std::vector<unsigned char> save_to_buffer() const
    {
        std::uint64_t size = 0;
        detail::check(sixnet_model_save_to_buffer(get(), nullptr, 0, &size));
        std::vector<unsigned char> file(static_cast<std::size_t>(size));
        detail::check(sixnet_model_save_to_buffer(get(), file.data(), size, &size));
        return file;
    }
    /** Saves through a callback. */
    void write(const write_fn &fn) const
    {
        const auto portion = [](void *user, const void *data, std::uint64_t size) {
            return detail::guarded([&] {
                (*static_cast<const write_fn *>(user))(data, static_cast<std::size_t>(size));
                return 0;
            });
        };
        detail::check(sixnet_model_save_to_stream(get(), portion, const_cast<write_fn *>(&fn)));
    }
    /** Loads tensors by name from any safetensors file. Returns the differences, one per line; "" if there are none. */
    std::string load_weights(text path, text options = "")
    {
        const char *report = "";
        detail::check(sixnet_model_load_weights(get(), path.c_str(), options.c_str(), &report));
        return report;
    }
    std::string load_weights_from_buffer(view<const unsigned char> file, text options = "")
    {
        const char *report = "";
        detail::check(sixnet_model_load_weights_from_buffer(get(), file.data(), file.size(), options.c_str(), &report));
        return report;
    }

private:
    template <class F>
    model(F &&create, detail::keep functions, bool is_f64)
        : object(std::forward<F>(create), std::move(functions)), is_f64_(is_f64)
    {
    }
    template <class F>
    model(const context &ctx, F &&create)
        : model(std::forward<F>(create), ctx.functions(), ctx.setting("dtype") == "f64")
    {
    }
    template <class F> static model loaded(const context &ctx, F &&create)
    {
        model net(ctx, std::forward<F>(create));
        net.find_ends();
        return net;
    }

    node added(node n)
    {
        if (n < 0)
            detail::check(sixnet_model_compile(get())); // which reports the first error of the build
        return n;
    }

    void find_ends()
    {
        std::int64_t dims[8];
        std::int32_t rank = 0;
        sizes_ = {model_shape("input").count(), model_shape("output").count()};
        const bool has_target = sixnet_model_shape(get(), "target", dims, &rank, nullptr) == SIXNET_OK;
        target_size_ = has_target ? model_shape("target").count() : 0;
    }

    template <class T, class F> void forwarded(view<const T> x, F *function)
    {
        const std::int64_t n = detail::rows(x.size(), sizes_.input, "inputs");
        detail::check(function(get(), x.data(), n));
        n_ = n;
    }
    template <class T, class F> double loss_of(view<const T> t, F *function)
    {
        double loss = 0;
        if (target_size_)
            detail::must_be(t.size(), n_ * target_size_, "targets");
        detail::check(function(get(), t.data(), &loss));
        return loss;
    }
    template <class T, class F> void backward_of(view<const T> dy, F *function)
    {
        detail::must_be(dy.size(), n_ * sizes_.output, "gradient");
        detail::check(function(get(), dy.data()));
    }
    static std::int32_t report(void *user, const sixnet_progress *p) noexcept
    {
        return detail::guarded([&] { return (*static_cast<const progress_fn *>(user))(progress(p)); });
    }

    bool is_f64_;
    detail::sample_sizes sizes_;   // 0 before compile
    std::int64_t target_size_ = 0; // values of one target
    std::int64_t n_ = 0;           // samples of the last forward()
};

// ---- predictor ----

/** Private buffers for inference with a shared model. Create one per thread; predictors run concurrently without locks.
 */
class predictor : public detail::object<sixnet_predictor>
{
public:
    explicit predictor(model &net)
        : object([&](auto out) { return sixnet_predictor_new(out, net.get()); }, net.functions()),
          sizes_{net.model_shape("input").count(), net.model_shape("output").count()}
    {
    }

    void predict(view<const float> x, view<float> y) { sizes_.predict(sixnet_predictor_predict, get(), x, y); }
    void predict(view<const double> x, view<double> y) { sizes_.predict(sixnet_predictor_predict_f64, get(), x, y); }
    std::vector<float> predict(view<const float> x) { return sizes_.predict(sixnet_predictor_predict, get(), x); }
    std::vector<double> predict(view<const double> x) { return sizes_.predict(sixnet_predictor_predict_f64, get(), x); }

    /** Returns the memory of the predictor in bytes. */
    std::uint64_t memory() const
    {
        std::uint64_t bytes = 0;
        detail::check(sixnet_predictor_memory(get(), &bytes));
        return bytes;
    }

private:
    detail::sample_sizes sizes_;
};

// ---- optimizer ----

/** Updates a model's parameters from their gradients. */
class optimizer : public detail::object<sixnet_optimizer>
{
public:
    optimizer(model &net, text spec, text schedule = "")
        : object([&](auto out) { return sixnet_optimizer_new(out, net.get(), spec.c_str(), schedule.c_str()); },
                 net.functions())
    {
    }

    void step() { detail::check(sixnet_optimizer_step(get())); }
    void end_epoch(double metric) { detail::check(sixnet_optimizer_end_epoch(get(), metric)); }
    double learning_rate() const noexcept { return sixnet_optimizer_learning_rate(get()); }
    void set_learning_rate(double lr) { detail::check(sixnet_optimizer_set_learning_rate(get(), lr)); }

    /** Saves the training run: model, optimizer, and the position of the batches. */
    void checkpoint_save(const model &net, text path, const batch_iterator *batches = nullptr, text options = "") const
    {
        detail::check(sixnet_checkpoint_save(net.get(), get(), batches ? batches->get() : nullptr, path.c_str(),
                                             options.c_str()));
    }
    /** Restores a training run. */
    void checkpoint_load(model &net, text path, batch_iterator *batches = nullptr, text options = "")
    {
        detail::check(sixnet_checkpoint_load(net.get(), get(), batches ? batches->get() : nullptr, path.c_str(),
                                             options.c_str()));
    }
};

inline bool model::fit(optimizer &opt, dataset &train, text options, const progress_fn &fn)
{
    return detail::check(sixnet_model_fit(get(), opt.get(), train.get(), nullptr, options.c_str(),
                                          fn ? report : nullptr, const_cast<progress_fn *>(&fn))) == SIXNET_OK;
}

inline bool model::fit(optimizer &opt, dataset &train, dataset &validation, text options, const progress_fn &fn)
{
    return detail::check(sixnet_model_fit(get(), opt.get(), train.get(), validation.get(), options.c_str(),
                                          fn ? report : nullptr, const_cast<progress_fn *>(&fn))) == SIXNET_OK;
}

} // namespace sixnet

#endif
