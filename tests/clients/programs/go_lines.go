// The AWS SDK for Go v2 as a program: reads JSON lines from stdin and answers each with one. The first line it
// prints describes it. With the arguments `race COUNT` it sends COUNT requests from many goroutines without
// retries, and prints how many got a complete response.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3vectors"
	"github.com/aws/aws-sdk-go-v2/service/s3vectors/document"
	"github.com/aws/aws-sdk-go-v2/service/s3vectors/types"
	"github.com/aws/smithy-go"
	smithydocument "github.com/aws/smithy-go/document"
)

const raceWorkers = 32

var background = context.Background()

type keys struct {
	AccessKey    string `json:"access_key"`
	SecretKey    string `json:"secret_key"`
	SessionToken string `json:"session_token"`
}

type request struct {
	Operation string
	Arguments map[string]any
	IsPaged   bool
	Settings  *struct{ Keys keys }
}

type object = map[string]any

func main() {
	client := open(keys{
		os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN"),
	})
	if len(os.Args) == 3 && os.Args[1] == "race" {
		count, err := strconv.Atoi(os.Args[2])
		check(err)
		printLine(race(client, int64(count)))
		return
	}
	printLine(object{"version": "aws-sdk-go-v2", "operations": operations(client)})
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		var each request
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.UseNumber()
		check(decoder.Decode(&each))
		used := client
		if each.Settings != nil {
			used = open(each.Settings.Keys)
		}
		printLine(answer(used, each))
	}
}

func open(pair keys) *s3vectors.Client {
	return s3vectors.New(s3vectors.Options{
		Region:       os.Getenv("AWS_REGION"),
		BaseEndpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL_S3VECTORS")),
		Credentials: credentials.NewStaticCredentialsProvider(
			pair.AccessKey, pair.SecretKey, pair.SessionToken),
		Retryer: aws.NopRetryer{},
	})
}

// race sends requests over reused connections and counts the ones that are not answered completely. The answers
// are small: of an answer beyond the 4 KiB that Go reads first, this SDK itself loses some. It closes the body of
// its request when the head of the answer is there, and if the transport still had to find the end of that body,
// it finds an error and closes the connection. The SDK sends such a request again, except without retries as here.
func race(client *s3vectors.Client, count int64) object {
	var started, lost atomic.Int64
	var reason atomic.Value
	var workers sync.WaitGroup
	for range raceWorkers {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for started.Add(1) <= count {
				_, err := client.ListVectorBuckets(background, &s3vectors.ListVectorBucketsInput{MaxResults: aws.Int32(1)})
				if err != nil {
					lost.Add(1)
					reason.Store(err.Error())
				}
			}
		}()
	}
	workers.Wait()
	return object{"requests": count, "lost": lost.Load(), "reason": reason.Load()}
}

func operations(client *s3vectors.Client) []string {
	names := []string{}
	kind := reflect.TypeOf(client)
	for i := range kind.NumMethod() {
		if method := kind.Method(i); method.Type.NumIn() == 4 {
			names = append(names, method.Name)
		}
	}
	return names
}

func answer(client *s3vectors.Client, each request) object {
	input := reflect.New(inputType(client, each.Operation))
	set(input.Elem(), each.Arguments)
	if each.IsPaged {
		pages, err := pages(client, input.Interface())
		if err != nil {
			return object{"error": describe(err)}
		}
		return object{"response": pages}
	}
	results := reflect.ValueOf(client).MethodByName(each.Operation).Call(
		[]reflect.Value{reflect.ValueOf(background), input})
	if err, failed := results[1].Interface().(error); failed {
		return object{"error": describe(err)}
	}
	return object{"response": plain(results[0])}
}

func inputType(client *s3vectors.Client, operation string) reflect.Type {
	return reflect.ValueOf(client).MethodByName(operation).Type().In(1).Elem()
}

type paginator[Output any] interface {
	HasMorePages() bool
	NextPage(context.Context, ...func(*s3vectors.Options)) (*Output, error)
}

func pages(client *s3vectors.Client, input any) ([]any, error) {
	switch typed := input.(type) {
	case *s3vectors.ListVectorsInput:
		return read(s3vectors.NewListVectorsPaginator(client, typed))
	case *s3vectors.ListIndexesInput:
		return read(s3vectors.NewListIndexesPaginator(client, typed))
	case *s3vectors.ListVectorBucketsInput:
		return read(s3vectors.NewListVectorBucketsPaginator(client, typed))
	}
	return nil, fmt.Errorf("this version has no paginator for %T", input)
}

func read[Output any](from paginator[Output]) ([]any, error) {
	all := []any{}
	for from.HasMorePages() {
		page, err := from.NextPage(background)
		if err != nil {
			return nil, err
		}
		all = append(all, plain(reflect.ValueOf(page)))
	}
	return all, nil
}

// set fills a value of the SDK with decoded JSON.
func set(target reflect.Value, source any) {
	switch target.Kind() {
	case reflect.Pointer:
		target.Set(reflect.New(target.Type().Elem()))
		set(target.Elem(), source)
	case reflect.Struct:
		for name, value := range source.(object) {
			set(target.FieldByName(strings.ToUpper(name[:1])+name[1:]), value)
		}
	case reflect.Slice:
		values := source.([]any)
		target.Set(reflect.MakeSlice(target.Type(), len(values), len(values)))
		for i, value := range values {
			set(target.Index(i), value)
		}
	case reflect.Map:
		target.Set(reflect.MakeMap(target.Type()))
		for name, value := range source.(object) {
			target.SetMapIndex(reflect.ValueOf(name), reflect.ValueOf(value).Convert(target.Type().Elem()))
		}
	case reflect.Interface:
		if members, isObject := source.(object); isObject && target.Type() == reflect.TypeFor[types.VectorData]() {
			data := &types.VectorDataMemberFloat32{}
			set(reflect.ValueOf(&data.Value).Elem(), members["float32"])
			target.Set(reflect.ValueOf(data))
			return
		}
		target.Set(reflect.ValueOf(document.NewLazyDocument(numbers(source))))
	case reflect.Int32:
		number, err := source.(json.Number).Int64()
		check(err)
		target.SetInt(number)
	case reflect.Float32:
		number, err := strconv.ParseFloat(source.(json.Number).String(), 32)
		check(err)
		target.SetFloat(number)
	default:
		target.Set(reflect.ValueOf(source).Convert(target.Type()))
	}
}

// numbers replaces the numbers of decoded JSON by those that a document takes.
func numbers(value any) any {
	switch typed := value.(type) {
	case json.Number:
		if whole, err := typed.Int64(); err == nil {
			return whole
		}
		number, err := typed.Float64()
		check(err)
		return number
	case []any:
		for i := range typed {
			typed[i] = numbers(typed[i])
		}
	case object:
		for name := range typed {
			typed[name] = numbers(typed[name])
		}
	}
	return value
}

// plain returns what the SDK returned as JSON, without members that are not set.
func plain(value reflect.Value) any {
	switch typed := value.Interface().(type) {
	case time.Time:
		return float64(typed.UnixMilli()) / 1000
	case *types.VectorDataMemberFloat32:
		return object{"float32": plain(reflect.ValueOf(typed.Value))}
	case smithydocument.Unmarshaler:
		var decoded any
		check(typed.UnmarshalSmithyDocument(&decoded))
		return decodedNumbers(decoded)
	}
	switch value.Kind() {
	case reflect.Pointer, reflect.Interface:
		return plain(value.Elem())
	case reflect.Float32:
		return value.Float()
	case reflect.Slice:
		all := []any{}
		for i := range value.Len() {
			all = append(all, plain(value.Index(i)))
		}
		return all
	case reflect.Struct:
		members := object{}
		for i := range value.NumField() {
			field, name := value.Field(i), value.Type().Field(i).Name
			if value.Type().Field(i).IsExported() && name != "ResultMetadata" && !field.IsZero() {
				members[strings.ToLower(name[:1])+name[1:]] = plain(field)
			}
		}
		return members
	}
	return value.Interface()
}

func decodedNumbers(value any) any {
	switch typed := value.(type) {
	case smithydocument.Number:
		return json.Number(typed)
	case []any:
		for i := range typed {
			typed[i] = decodedNumbers(typed[i])
		}
	case object:
		for name := range typed {
			typed[name] = decodedNumbers(typed[name])
		}
	}
	return value
}

func describe(err error) object {
	var failure smithy.APIError
	var response *awshttp.ResponseError
	if !errors.As(err, &failure) || !errors.As(err, &response) {
		panic(err)
	}
	fields := []object{}
	var invalid *types.ValidationException
	if errors.As(err, &invalid) {
		for _, field := range invalid.FieldList {
			fields = append(fields, object{"path": *field.Path, "message": *field.Message})
		}
	}
	_, isGeneric := failure.(*smithy.GenericAPIError)
	return object{
		"code": failure.ErrorCode(), "message": failure.ErrorMessage(), "status": response.HTTPStatusCode(),
		"fields": fields, "isTyped": !isGeneric,
	}
}

func printLine(line object) {
	encoded, err := json.Marshal(line)
	check(err)
	fmt.Println(string(encoded))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
