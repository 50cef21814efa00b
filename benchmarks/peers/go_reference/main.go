// A peer: orders on Gin, pgx and Sarama, the stack of the older service, done well.
//
// A request costs one insert and one publish that is waited for; a settlement costs one
// transaction. Nothing repairs what is lost between the insert and the publish.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/IBM/sarama"
	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	consumers = 4
	limit     = 1000
	tables    = `
create table if not exists orders (
    id uuid primary key, user_id bigint not null, product_id bigint not null,
    quantity int not null, total_price numeric(12, 2) not null, status text not null,
    created_at timestamptz default now());
create table if not exists notifications (
    id bigserial primary key, order_id uuid not null, user_id bigint not null,
    message text not null, created_at timestamptz default now());`
	insertOrder = `insert into orders (id, user_id, product_id, quantity, total_price, status)
values ($1, $2, $3, $4, $5, 'pending')`
	settleOrder = `update orders set status = $2 where id = $1 and status = 'pending'`
	notify      = `insert into notifications (order_id, user_id, message) values ($1, $2, $3)`
	readStatus  = `select status from orders where id = $1`
)

type newOrder struct {
	UserID     int64   `json:"user_id" binding:"required,gt=0"`
	ProductID  int64   `json:"product_id" binding:"required,gt=0"`
	Quantity   int     `json:"quantity" binding:"required,gt=0"`
	TotalPrice float64 `json:"total_price" binding:"required,gt=0"`
}

type accepted struct {
	ID         uuid.UUID `json:"id"`
	UserID     int64     `json:"user_id"`
	TotalPrice float64   `json:"total_price"`
}

// settler consumes one member's partitions.
type settler struct{ pool *pgxpool.Pool }

func (settler) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (settler) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (s settler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for record := range claim.Messages() {
		var event accepted
		if err := json.Unmarshal(record.Value, &event); err == nil {
			if err := s.settle(context.Background(), event); err != nil {
				return err
			}
		}
		session.MarkMessage(record, "")
	}
	return nil
}

func (s settler) settle(ctx context.Context, event accepted) error {
	status, text := "paid", "Your payment was successful for "
	if event.TotalPrice >= limit {
		status, text = "payment_failed", "Your payment failed for "
	}
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(ctx) // does nothing after the commit
	done, err := tx.Exec(ctx, settleOrder, event.ID, status)
	if err != nil {
		return err
	}
	if done.RowsAffected() == 1 {
		if _, err := tx.Exec(ctx, notify, event.ID, event.UserID, text+event.ID.String()); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func setting(name string) string {
	value := os.Getenv(name)
	if value == "" {
		log.Fatalf("%s is not set", name)
	}
	return value
}

func startSettlers(brokers []string, topic string, config *sarama.Config, pool *pgxpool.Pool) {
	for range consumers {
		group := must(sarama.NewConsumerGroup(brokers, topic+"-group", config))
		go func() {
			for {
				if err := group.Consume(context.Background(), []string{topic}, settler{pool}); err != nil {
					log.Print(err)
					time.Sleep(time.Second)
				}
			}
		}()
	}
}

// api answers on the routes of the older service.
type api struct {
	pool     *pgxpool.Pool
	producer sarama.SyncProducer
	topic    string
}

func (a api) create(c *gin.Context) {
	var order newOrder
	if err := c.ShouldBindJSON(&order); err != nil {
		c.JSON(http.StatusBadRequest, gin.H{"error": err.Error()})
		return
	}
	id := uuid.Must(uuid.NewV7())
	if _, err := a.pool.Exec(c, insertOrder, id, order.UserID, order.ProductID, order.Quantity, order.TotalPrice); err != nil {
		c.JSON(http.StatusServiceUnavailable, gin.H{"error": err.Error()})
		return
	}
	value := must(json.Marshal(accepted{id, order.UserID, order.TotalPrice}))
	message := &sarama.ProducerMessage{
		Topic: a.topic,
		Key:   sarama.StringEncoder(id.String()),
		Value: sarama.ByteEncoder(value),
	}
	if _, _, err := a.producer.SendMessage(message); err != nil {
		c.JSON(http.StatusServiceUnavailable, gin.H{"error": err.Error()})
		return
	}
	c.JSON(http.StatusAccepted, gin.H{"id": id, "status": "pending"})
}

func (a api) read(c *gin.Context) {
	id, status := c.Param("id"), ""
	if err := a.pool.QueryRow(c, readStatus, id).Scan(&status); err != nil {
		c.JSON(http.StatusNotFound, gin.H{"error": "no such order"})
		return
	}
	c.JSON(http.StatusOK, gin.H{"id": id, "status": status})
}

func main() {
	ctx := context.Background()
	brokers, topic := []string{setting("PEER_BROKERS")}, setting("PEER_TOPIC")
	database := must(pgxpool.ParseConfig(setting("PEER_DATABASE")))
	database.MaxConns = 32
	pool := must(pgxpool.NewWithConfig(ctx, database))
	must(pool.Exec(ctx, tables))

	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	config.Producer.Return.Successes = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	producer := must(sarama.NewSyncProducer(brokers, config))
	startSettlers(brokers, topic, config, pool)

	gin.SetMode(gin.ReleaseMode)
	router, orders := gin.New(), api{pool, producer, topic}
	router.Use(gin.Recovery())
	router.POST("/orders", orders.create)
	router.GET("/orders/:id", orders.read)
	log.Fatal(router.Run("127.0.0.1:" + setting("PEER_PORT")))
}
